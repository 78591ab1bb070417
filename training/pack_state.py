"""Copies what training resumes from out of work/ into state/, small enough for the repository, or back.

    python pack_state.py [--work work] [--state state] [--unpack]

Of the networks only the averaged weights are kept, as float16: training goes on from them with empty moments, which the first steps'
lower rates make up for.
"""
from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

AS_THEY_ARE = ["codes.npz", "judge.pt"]
STATES = ["transformer.pt", "decoder.pt", "encoder.pt"]
KEPT = ["shape", "average", "step", "seen", "log", "minutes"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default="work")
    parser.add_argument("--state", default="state")
    parser.add_argument("--unpack", action="store_true")
    args = parser.parse_args()
    source, target = (Path(args.state), Path(args.work)) if args.unpack else (Path(args.work), Path(args.state))
    target.mkdir(parents=True, exist_ok=True)
    for name in AS_THEY_ARE:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    shutil.copytree(source / "tokenizer", target / "tokenizer", dirs_exist_ok=True)
    for name in STATES:
        if not (source / name).exists():
            continue
        state = {key: value for key, value in torch.load(source / name).items() if key in KEPT}
        kind = torch.float32 if args.unpack else torch.float16
        state["average"] = {key: value.to(kind) for key, value in state["average"].items()}
        torch.save(state, target / name)
    total = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(target, round(total / 1e6, 1), "MB")


if __name__ == "__main__":
    main()
