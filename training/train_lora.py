"""Trains a LoRA on top of the finished transformer: another style for the same captions and seeds.

    python train_lora.py --style flat --out work/loras/flat-drawing.safetensors --minutes 15
    python train_lora.py --style brand --out work/loras/brand-dusk.safetensors --minutes 15

`flat`: the objects as flat drawings (npm @lobehub/fluent-emoji-flat), without shadows. `brand`: every picture in the four colours of
one brand, by its brightness. Keys are those of diffusers with PEFT, without alpha, so the scale is 1. Goes on from --out if that exists.
"""
from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import layout
from export import load_networks
from latents import Codes, to_tensor
from networks import Transformer, interleaved_rows
from samples import Example, LatentStore
from scenes import render
from train_transformer import Batches

# Brightness of a picture -> colour of the brand, from dark to light; between them in proportion.
BRAND = np.array([(22, 18, 62), (104, 48, 168), (255, 112, 98), (255, 240, 218)], np.float32)


def branded(picture: np.ndarray) -> np.ndarray:
    """uint8 picture -> uint8 picture in the brand's colours."""
    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    stops = np.linspace(0, 255, len(BRAND))
    return np.stack([np.interp(grey, stops, BRAND[:, channel]) for channel in range(3)], -1).round().astype(np.uint8)


class BrandStore:
    """Latents of branded scenes. Not affine in the background colour, so each is drawn anew."""

    def __init__(self, codes: Codes):
        self.codes = codes

    def latents(self, example: Example) -> Tensor:
        return self.codes.encode(to_tensor([branded(render(list(example.places), example.colour, example.light))]))[0]


STORES = {"flat": lambda codes: LatentStore(codes, "flat"), "brand": BrandStore}


class LowRank(nn.Module):
    """A frozen linear layer and what is added to it."""

    def __init__(self, frozen: nn.Linear, rank: int):
        super().__init__()
        self.frozen = frozen.requires_grad_(False)
        self.down, self.up = nn.Linear(frozen.in_features, rank, bias=False), nn.Linear(rank, frozen.out_features, bias=False)
        nn.init.normal_(self.down.weight, std=frozen.in_features**-0.5)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.frozen(x) + self.up(self.down(x))


def with_low_rank(transformer: Transformer, rank: int) -> dict[str, LowRank]:
    """Puts adapters at attention and feed-forward of all blocks; returns them by the name of their place."""
    transformer.requires_grad_(False)
    adapters = {}
    for group in ("noise_refiner", "context_refiner", "layers"):
        for index, block in enumerate(getattr(transformer, group)):
            for part, names in (("attention", ("qkv", "out")), ("feed_forward", ("w13", "w2"))):
                for name in names:
                    owner = getattr(block, part)
                    adapter = LowRank(getattr(owner, name), rank)
                    setattr(owner, name, adapter)
                    adapters[f"{group}.{index}.{part}.{name}"] = adapter
    return adapters


OFFICIAL = {"qkv": ["to_q", "to_k", "to_v"], "out": ["to_out.0"], "w13": ["w1", "w3"], "w2": ["w2"]}


def official_adapters(adapters: dict[str, LowRank], transformer: Transformer) -> dict[str, Tensor]:
    """Under the names of diffusers' ZImageTransformer2DModel, float16. q, k and v share what reads their input."""
    rows, state = interleaved_rows(transformer.shape), {}
    for place, adapter in adapters.items():
        prefix, _, name = place.rpartition(".")
        for target, up in zip(OFFICIAL[name], adapter.up.weight.chunk(len(OFFICIAL[name]))):
            up = up[rows] if target in ("to_q", "to_k") else up
            state[f"transformer.{prefix}.{target}.lora_A.weight"] = adapter.down.weight.detach().half().clone()
            state[f"transformer.{prefix}.{target}.lora_B.weight"] = up.detach().half().contiguous()
    return state


@torch.no_grad()
def take_up(adapters: dict[str, LowRank], transformer: Transformer, state: dict[str, Tensor]) -> None:
    """The inverse of `official_adapters`."""
    back = torch.argsort(interleaved_rows(transformer.shape))
    for place, adapter in adapters.items():
        prefix, _, name = place.rpartition(".")
        ups = []
        for target in OFFICIAL[name]:
            up = state[f"transformer.{prefix}.{target}.lora_B.weight"].float()
            ups.append(up[back] if target in ("to_q", "to_k") else up)
        adapter.down.weight.copy_(state[f"transformer.{prefix}.{OFFICIAL[name][0]}.lora_A.weight"].float())
        adapter.up.weight.copy_(torch.cat(ups))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--style", required=True, choices=list(STORES))
    parser.add_argument("--out", required=True)
    parser.add_argument("--transformer", default="work/transformer.pt")
    parser.add_argument("--codes", default="work/codes.npz")
    parser.add_argument("--tokenizer", default="work/tokenizer")
    parser.add_argument("--rank", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--stage", default="mirror", choices=list(layout.STAGES), help="that of the transformer")
    parser.add_argument("--seed", type=int, default=500)
    args = parser.parse_args()
    args.pure, args.free, args.pairs, args.tints, args.attributes = 0.5, 0.1, 0.0, 0.0, 1.0
    return args


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    text, transformer = load_networks(Path(args.transformer))
    adapters = with_low_rank(transformer, args.rank)
    if os.path.exists(args.out):
        take_up(adapters, transformer, load_file(args.out))
    batches = Batches(args, args.seed)
    batches.store = STORES[args.style](batches.store.codes)
    trained = [weight for weight in transformer.parameters() if weight.requires_grad]
    adam = torch.optim.Adam(trained, lr=args.rate, betas=(0.9, 0.98))
    began, step, errors_of = time.time(), 0, []
    while (share := (time.time() - began) / (args.minutes * 60)) < 1:
        for group in adam.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / 20) * min(1, max(0.02, 2 * (1 - share)))
        x, sigma, y, ids, lengths, weight = batches.next(args.batch)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            features = text(ids)
        with torch.autocast("cpu", torch.bfloat16):
            guess = transformer(x, 1 - sigma, features, lengths)
        errors = (guess.float() - y).square().mean((1, 2, 3))
        adam.zero_grad()
        (errors * weight).mean().backward()
        adam.step()
        step += 1
        errors_of += errors.detach()[sigma == 1].tolist()
        if step % 25 == 0:
            print(time.strftime("%H:%M:%S"), f"step {step} seen {step * args.batch} error at pure noise {np.mean(errors_of):.3f}", flush=True)
            errors_of = []
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    save_file(official_adapters(adapters, transformer), args.out + ".tmp", metadata={"format": "pt"})
    os.replace(args.out + ".tmp", args.out)
    print("bytes", os.path.getsize(args.out))


if __name__ == "__main__":
    main()
