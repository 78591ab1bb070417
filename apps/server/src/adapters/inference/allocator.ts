/**
 * Settings of glibc's allocator for an engine process: the activations of one step are given back and asked for again at
 * every step, and by default each of these blocks is a map of its own whose pages the kernel clears anew. Kept blocks
 * save about 15 ms of processor time of a small picture's 200 (`benchmarks/README.md`).
 *
 * Blocks above 64 MiB still go back at once, and at most 256 MiB stay with the process when it has nothing to do.
 * Other C libraries do not read these variables. What the operator has set stays.
 */
const KEPT_BLOCKS = {
  MALLOC_MMAP_THRESHOLD_: String(64 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(256 * 2 ** 20),
  MALLOC_TOP_PAD_: String(16 * 2 ** 20),
};

/** The environment of an engine process. */
export function withKeptBlocks(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...KEPT_BLOCKS, ...environment };
}
