"""A quick look at a training state, without export: latents by the fast networks, pixels by the decoder.

    python preview.py --work work --sheet work/preview.png [--list tuning --count 36 | --prompts file]
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import layout
from evaluate import expected_render, noise_of
from export import load_autoencoder, load_networks
from latents import CHANNELS, Codes, to_pictures, to_tensor
from prompts import LISTS
from scenes import contact_sheet
from tokenizer import CaptionTokens


def schedule(steps: int, shift: float = 3.0) -> torch.Tensor:
    """The sigmas of FlowMatchEulerDiscreteScheduler as the pipeline sets it up, with the final 0."""
    lowest = shift * 1e-3 / (1 + (shift - 1) * 1e-3)
    u = torch.linspace(1.0, lowest, steps)
    return torch.cat([shift * u / (1 + (shift - 1) * u), torch.zeros(1)])


@torch.no_grad()
def sampled_latents(text, transformer, ids, lengths, noise: torch.Tensor, steps: int = 8) -> torch.Tensor:
    x, features, sigmas = noise, text(ids), schedule(steps)
    for sigma, following in zip(sigmas[:-1], sigmas[1:]):
        with torch.autocast("cpu", torch.bfloat16):
            y = transformer(x, (1 - sigma).expand(len(x)), features, lengths)
        x = x - (following - sigma) * y.float()
    return x


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default="work")
    parser.add_argument("--transformer", default="")
    parser.add_argument("--sheet", default="work/preview.png")
    parser.add_argument("--list", default="tuning")
    parser.add_argument("--count", type=int, default=36)
    parser.add_argument("--columns", type=int, default=9)
    parser.add_argument("--prompts", default="", help="a file with one prompt a line")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--stage", default="mirror", choices=list(layout.STAGES))
    parser.add_argument("--raw", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    work = Path(args.work)
    text, transformer = load_networks(Path(args.transformer or work / "transformer.pt"), not args.raw)
    tokens, autoencoder, codes = CaptionTokens(str(work / "tokenizer")), load_autoencoder(work), Codes(work / "codes.npz")
    cases = LISTS[args.list]()
    cases = cases[:: max(1, len(cases) // args.count)][: args.count]
    if args.prompts:
        lines = Path(args.prompts).read_text(encoding="utf-8").splitlines()
        cases = [{"prompt": line} for line in lines if line.strip()]
    noise = torch.stack([noise_of(args.seed + index, CHANNELS) for index in range(len(cases))])
    ids, lengths = tokens.batch([tokens.ids(case["prompt"]) for case in cases])
    z = sampled_latents(text, transformer, ids, lengths, noise)
    with torch.autocast("cpu", torch.bfloat16):
        pictures = [picture for start in range(0, len(z), 6) for picture in to_pictures(autoencoder.decoder(z[start : start + 6]))]
    if not args.prompts:
        real = [expected_render(case, layout.shares_of(one), args.stage) for case, one in zip(cases, noise)]
        target = codes.encode(to_tensor(real))
        errors = (z - target).square().mean((1, 2, 3))
        distance = [float(np.mean((a.astype(np.float32) - b) ** 2)) for a, b in zip(pictures, real)]
        print("latent error: mean", round(errors.mean().item(), 4), "median", round(errors.median().item(), 4),
              "picture dB", round(float(np.mean([10 * np.log10(255**2 / one) for one in distance])), 2))
    sheet = contact_sheet(pictures, args.columns)
    sheet.resize((sheet.width * 5 // 8, sheet.height * 5 // 8)).save(args.sheet)


if __name__ == "__main__":
    main()
