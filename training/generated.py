"""Latents as the transformer draws them, each beside the scene its caption and noise stand for: the decoder learns on them to draw
crisp edges from latents that are a little wrong.

    python generated.py --out work/generated.pt --count 1440 --stage bind

The captions are training captions (other seed), so the combinations of the held-out list are not among them.
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

import layout
from export import load_networks
from latents import CHANNELS, Codes
from preview import sampled_latents
from samples import LatentStore, Sampler
from tokenizer import CaptionTokens


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default="work")
    parser.add_argument("--transformer", default="", help="another training state than work/transformer.pt")
    parser.add_argument("--out", default="work/generated.pt")
    parser.add_argument("--count", type=int, default=1440)
    parser.add_argument("--stage", default="mirror", choices=list(layout.STAGES))
    parser.add_argument("--pairs", type=float, default=0.0)
    parser.add_argument("--tints", type=float, default=0.0)
    parser.add_argument("--wrong", type=float, default=0.3, help="pictures with a greater mean squared error show another object: left out")
    parser.add_argument("--seed", type=int, default=77)
    args = parser.parse_args()
    torch.set_num_threads(1)
    work = Path(args.work)
    text, transformer = load_networks(Path(args.transformer or work / "transformer.pt"))
    tokens, store = CaptionTokens(str(work / "tokenizer")), LatentStore(Codes(work / "codes.npz"))
    sampler, generator = Sampler(args.seed, args.stage, args.pairs, args.tints), torch.Generator().manual_seed(args.seed)
    drawn, scenes, left_out = [], [], 0
    while len(scenes) < args.count:
        noise = torch.randn(24, CHANNELS, 16, 16, generator=generator)
        examples = [sampler.draw(layout.shares_of(one)) for one in noise]
        fitting = [index for index, one in enumerate(examples) if len(tokens.ids(one.caption)) <= transformer.shape.caption_tokens]
        noise, examples = noise[fitting], [examples[index] for index in fitting]
        z = sampled_latents(text, transformer, *tokens.batch([tokens.ids(one.caption) for one in examples]), noise)
        for latents, example in zip(z, examples):
            if (latents - store.latents(example)).square().mean() > args.wrong:
                left_out += 1
                continue
            drawn.append(latents.half())
            scenes.append((example.places, example.colour, example.light))
    torch.save({"latents": torch.stack(drawn), "scenes": scenes}, args.out + ".tmp")
    os.replace(args.out + ".tmp", args.out)
    print("kept", len(scenes), "left out as wrong", left_out)


if __name__ == "__main__":
    main()
