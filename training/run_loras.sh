#!/bin/bash
# Both styles on the finished transformer, one core each; goes on from work/loras. Arguments go to train_lora.py, such as --minutes.
cd "$(dirname "$0")" || exit 1
source ./environment.sh
for style in flat:flat-drawing brand:brand-dusk; do
  nice -n 19 "$PY" train_lora.py --style "${style%%:*}" --out "work/loras/${style##*:}.safetensors" --stage "${STAGE:-tell}" "$@" &
done
wait
