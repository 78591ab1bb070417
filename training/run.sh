#!/bin/bash
# Every stage of the recipe in order; each resumes from what it finds in work/, so that the script may be stopped and started.
# DEMO_ASSETS: a node_modules folder with @lobehub/fluent-emoji-3d and emojibase-data. PY: the Python to use.
set -euo pipefail
cd "$(dirname "$0")"
source ./environment.sh
mkdir -p work
"$PY" make_objects.py
[ -f work/codes.npz ] || "$PY" latents.py --out work/codes.npz
[ -d work/tokenizer ] || "$PY" tokenizer.py --out work/tokenizer
[ -f work/judge.pt ] || "$PY" judge.py --out work/judge.pt --minutes 12
[ -f work/decoder.pt ] || for minutes in 10 20 30; do nice -n 19 "$PY" train_decoder.py --minutes "$minutes"; done
[ -f work/encoder.pt ] || nice -n 19 "$PY" train_encoder.py --minutes 3
[ -f work/text.pt ] || nice -n 19 "$PY" train_text.py
./run_transformer.sh --minutes "${MINUTES:-60}" --batch 16
[ -f work/generated.pt ] || {
  nice -n 19 "$PY" generated.py --out work/generated.pt
  nice -n 19 "$PY" train_decoder.py --generated work/generated.pt --detail 1 --crop 256 --batch 2 --rate 0.004 --minutes 10
}
"$PY" export.py --work work --out work/checkpoint
"$PY" evaluate.py --model work/checkpoint --list tuning --sheet work/tuning.png
