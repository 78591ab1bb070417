"""Adds layers behind the last one of a training state. They are copies of the layers before them with closed gates, so the picture does
not change at first, and the gates open as far as training needs them.

    python deepen.py --layers 4 [--state work/transformer.pt]
"""
from __future__ import annotations

import argparse
import os

import torch

LAYER = "transformer.layers."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", default="work/transformer.pt")
    parser.add_argument("--layers", type=int, default=4, help="how many to add, at most as many as there are")
    args = parser.parse_args()
    state = torch.load(args.state)
    weights, present = state["average"], state["shape"]["layers"]
    if args.layers > present:
        parser.error(f"--layers {args.layers}: at most {present}, as many as there are")
    for target in range(present, present + args.layers):
        source = f"{LAYER}{target - args.layers}."
        for name in [name for name in weights if name.startswith(source)]:
            weight = weights[name].clone()
            if ".modulation." in name:  # scale1, gate1, scale2, gate2
                weight.view(4, -1, *weight.shape[1:])[1::2] = 0
            weights[f"{LAYER}{target}." + name.removeprefix(source)] = weight
    state["shape"]["layers"] = present + args.layers
    kept = {key: state[key] for key in ("shape", "average", "step", "seen", "log")}  # without moments: they have no place for the new layers
    torch.save(kept, args.state + ".tmp")
    os.replace(args.state + ".tmp", args.state)
    print("layers", present, "->", present + args.layers)


if __name__ == "__main__":
    main()
