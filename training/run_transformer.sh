#!/bin/bash
# Two training processes, one core each; resumes from work/transformer.pt. Arguments go to train_transformer.py.
cd "$(dirname "$0")" || exit 1
source ./environment.sh
export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT="${MASTER_PORT:-29511}"
LOG="${LOG:-work/transformer.log}"
RANK=1 nice -n 19 "$PY" train_transformer.py "$@" >"$LOG.1" 2>&1 &
RANK=0 nice -n 19 "$PY" train_transformer.py "$@" >>"$LOG" 2>&1 &
wait
