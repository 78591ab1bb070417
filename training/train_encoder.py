"""Trains the encoder of the AutoencoderKL to compute the codes of latents.py. Resumes from --out.

    python train_encoder.py --codes work/codes.npz --out work/encoder.pt --minutes 15

Loss: squared error of the codes, plus that of the pixels which the codes stand for.
"""
from __future__ import annotations

import argparse
import copy
import os
import random
import time

import torch
from torch import Tensor, nn

from autoencoder import build, start_linear_encoder
from latents import CHANNELS, Codes, random_picture, to_tensor
from train_decoder import PictureStore


def code_loss(z: Tensor, target: Tensor, codes: Codes) -> Tensor:
    error = z - target
    pixels = error.permute(0, 2, 3, 1) @ codes.basis
    return error.square().mean() + 20 * pixels.square().mean()


@torch.no_grad()
def report(encoder: nn.Module, codes: Codes) -> str:
    rng = random.Random(4242)
    pictures = to_tensor([random_picture(rng) for _ in range(12)])
    target = codes.encode(pictures)
    z = torch.cat([encoder(pictures[i : i + 4])[:, :CHANNELS] for i in (0, 4, 8)])
    pixels = (z - target).permute(0, 2, 3, 1) @ codes.basis
    decibel = 10 * torch.log10(4 / pixels.square().mean()).item()
    return f"relative error {((z - target).square().mean() / target.square().mean()).sqrt().item():.4f}, in pixels {decibel:.2f} dB"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", default="work/codes.npz")
    parser.add_argument("--out", default="work/encoder.pt")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    codes, encoder = Codes(args.codes), build().encoder
    rng = random.Random(8)
    start_linear_encoder(encoder, codes, to_tensor([random_picture(rng) for _ in range(60)]))
    print("at the start:", report(encoder, codes), flush=True)
    adam = torch.optim.Adam(encoder.parameters(), lr=args.rate, betas=(0.9, 0.99))
    average, step, minutes = copy.deepcopy(encoder), 0, 0.0
    if os.path.exists(args.out):
        stored = torch.load(args.out)
        encoder.load_state_dict(stored["average"])
        average.load_state_dict(stored["average"])
        step, minutes = stored["step"], stored["minutes"]
    encoder.to(memory_format=torch.channels_last)
    store, began, saved, first = PictureStore(args.seed + step + 77), time.time(), time.time(), step
    while True:
        share = (time.time() - began) / (args.minutes * 60)
        pace = min(1, (step - first + 1) / 30) * max(0.01, 1 - share)
        pictures = store.crops(args.batch, args.crop)
        z = encoder(pictures.to(memory_format=torch.channels_last))[:, :CHANNELS]
        loss = code_loss(z.float(), codes.encode(pictures), codes)
        encoder.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        for group in adam.param_groups:
            group["lr"] = args.rate * pace
        adam.step()
        step += 1
        with torch.no_grad():
            weight = 1 - min(0.99, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in encoder.parameters()], weight)
        done = share >= 1
        if done or time.time() - saved > 90:
            saved = time.time()
            total = minutes + (saved - began) / 60
            print(time.strftime("%H:%M:%S"), f"step {step} minutes {total:.1f} loss {loss.item():.4f}", report(average, codes), flush=True)
            torch.save({"average": average.state_dict(), "step": step, "minutes": total}, args.out + ".tmp")
            os.replace(args.out + ".tmp", args.out)
        if done:
            break


if __name__ == "__main__":
    main()
