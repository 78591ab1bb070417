"""Warm start of the text encoder: from each of the five template tokens after the caption, read a picture code of the object, the
background colour and the light. Two minutes of one core; the transformer then starts from features that tell objects apart.

    python train_text.py --codes work/codes.npz --tokenizer work/tokenizer --out work/text.pt
"""
from __future__ import annotations

import argparse
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latents import Codes
from networks import Shape, TextEncoder
from samples import LatentStore, Sampler
from scenes import COLOUR_KEYS, COLOUR_RGB, LIGHTS, OBJECTS, Placement
from tokenizer import CaptionTokens

KEPT = 96  # components of the object pictures
TEMPLATE_TAIL = 5  # "<|im_end|>\n<|im_start|>assistant\n"


def object_codes(codes: Codes) -> Tensor:
    """[objects, KEPT]: principal components of the objects' latents, mildly whitened."""
    store = LatentStore(codes)
    rows = [store.parts((Placement(index),), "plain").float()[[0, 1]].flatten() for index in range(len(OBJECTS))]
    x = torch.stack(rows)
    u, s, _ = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    found = u[:, :KEPT] * s[:KEPT] ** 0.6
    return found / found.std()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", default="work/codes.npz")
    parser.add_argument("--tokenizer", default="work/tokenizer")
    parser.add_argument("--out", default="work/text.pt")
    parser.add_argument("--steps", type=int, default=700)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens, sampler = CaptionTokens(args.tokenizer, dropout=0.1), Sampler(seed=1)
    targets = object_codes(Codes(args.codes))
    colours = torch.from_numpy(COLOUR_RGB)
    colours = (colours - colours.mean(0)) / colours.std(0)
    text, batch, began = TextEncoder(Shape()), 64, time.time()
    head = nn.Linear(Shape().caption, KEPT + 3 + len(LIGHTS))
    adam = torch.optim.Adam([*text.parameters(), *head.parameters()], lr=3e-3, betas=(0.9, 0.98))
    for step in range(args.steps):
        for group in adam.param_groups:
            group["lr"] = 3e-3 * min(1, (step + 1) / 50) * max(0.02, 1 - step / args.steps)
        examples, ids = [], []
        while len(ids) < batch:
            example = sampler.draw()
            cut = tokens.fitting_ids(example.caption, 32, sampler.rng.random() < 0.3)
            if cut:
                examples.append(example)
                ids.append(cut)
        padded, lengths = tokens.batch(ids)
        which = torch.tensor([example.places[0].object for example in examples])
        colour = torch.tensor([COLOUR_KEYS.index(example.colour) for example in examples])
        light = torch.tensor([LIGHTS.index(example.light) for example in examples])
        said_colour = torch.tensor([float(example.said.colour) for example in examples])
        said_light = torch.tensor([float(example.said.light) for example in examples])
        with torch.autocast("cpu", torch.bfloat16):
            features = text(padded)
        tail = features[torch.arange(batch)[:, None], lengths[:, None] - TEMPLATE_TAIL + torch.arange(TEMPLATE_TAIL)]
        read = head(tail)
        object_loss = (read[..., :KEPT] - targets[which][:, None]).square().mean()
        colour_error = (read[..., KEPT : KEPT + 3] - colours[colour][:, None]).square().mean((1, 2))
        light_error = F.cross_entropy(read[..., KEPT + 3 :].transpose(1, 2), light[:, None].expand(-1, TEMPLATE_TAIL), reduction="none").mean(1)
        loss = object_loss + 0.5 * (colour_error * said_colour).mean() + 0.2 * (light_error * said_light).mean()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(text.parameters(), 1.0)
        adam.step()
        if step % 100 == 0 or step == args.steps - 1:
            nearest = (read[:, -1, None, :KEPT] - targets[None]).square().mean(-1).argmin(1)
            found = (nearest == which).float().mean().item()
            print(f"{step} {time.time() - began:.0f} s, object {object_loss:.3f} colour {colour_error.mean():.3f} object found {found:.2f}, "
                  f"feature spread {features.std():.2f}", flush=True)
    torch.save(text.state_dict(), args.out)


if __name__ == "__main__":
    main()
