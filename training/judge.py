"""The judge: a small classifier that names the object and the background colour of a picture. It learns from real renders only,
never sees the transformer or the autoencoder. Goes on from --out if that exists.

    python judge.py --out work/judge.pt --minutes 12
"""
from __future__ import annotations

import argparse
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from scenes import COLOUR_KEYS, COLUMNS, LIGHTS, OBJECTS, SIZES, Placement, render

EDGE = 64  # pictures are judged at this size


class Judge(nn.Module):
    """[count, 3, 64, 64] in -1..1 -> (object logits, background logits)."""

    def __init__(self):
        super().__init__()
        widths = [3, 32, 64, 128, 192]
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2),
            )
            for inputs, outputs in zip(widths, widths[1:])
        )
        self.object = nn.Linear(2 * widths[-1], len(OBJECTS))
        self.colour = nn.Sequential(nn.Linear(3 * 4 * 2, 128), nn.ReLU(), nn.Linear(128, len(COLOUR_KEYS)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = x
        for stage in self.stages:
            h = stage(h)
        pooled = torch.cat([h.amax((2, 3)), h.mean((2, 3))], 1)
        # The background shows at the upper corners, where objects hardly ever reach, and along the upper and lower edge.
        strips = [part.mean((2, 3)) for strip in (x[:, :, :4], x[:, :, -4:]) for part in strip.chunk(4, 3)]
        return self.object(pooled), self.colour(torch.cat(strips, 1))


def prepared(pictures: list[np.ndarray]) -> Tensor:
    """uint8 pictures of any size -> judge input."""
    small = [np.asarray(Image.fromarray(picture).resize((EDGE, EDGE), Image.BOX)) for picture in pictures]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1


def half_picture(picture: np.ndarray, right: bool) -> np.ndarray:
    """One half of a two-object picture, the other half filled with its innermost column."""
    middle = picture.shape[1] // 2
    half = picture[:, middle:] if right else picture[:, :middle]
    fill = np.repeat(half[:, :1] if right else half[:, -1:], middle, 1)
    return np.concatenate([fill, half] if right else [half, fill], 1)


def training_picture(rng: random.Random, index: int, colour: str, tints: float) -> np.ndarray:
    size = rng.choice(list(SIZES))
    place = Placement(index, size, rng.choice(COLUMNS[size]), rng.random() < 0.5, rng.choice(COLOUR_KEYS) if rng.random() < tints else None)
    moved = {"shift": (rng.randint(-12, 12), rng.randint(-12, 8)), "scale": rng.uniform(0.9, 1.08)} if rng.random() < 0.6 else {}
    picture = render([place], colour, rng.choice(LIGHTS), **moved)
    return half_picture(picture, place.column > 0) if size == "small" and place.column and rng.random() < 0.5 else picture


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="work/judge.pt")
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--tints", type=float, default=0.4, help="share of recoloured objects")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    resumed = os.path.exists(args.out)
    rng, judge = random.Random(4 if resumed else 3), load(args.out).train() if resumed else Judge()
    judge = judge.to(memory_format=torch.channels_last)
    adam = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.02)
    kept: list[tuple[Tensor, int, int]] = []
    began, step, running = time.time(), 0, None
    while True:
        share = (time.time() - began) / (args.minutes * 60)
        if share >= 1:
            break
        for group in adam.param_groups:
            group["lr"] = (1e-3 if resumed else 2e-3) * min(1, (step + 1) / 50) * max(0.01, 1 - share)
        fresh = [(rng.randrange(len(OBJECTS)), rng.randrange(len(COLOUR_KEYS))) for _ in range(16)]
        drawn = prepared([training_picture(rng, index, COLOUR_KEYS[colour], args.tints) for index, colour in fresh])
        kept += [(picture, index, colour) for picture, (index, colour) in zip(drawn, fresh)]
        del kept[:-6000]
        chosen = [rng.choice(kept) for _ in range(args.batch - 16)] + kept[-16:]
        x = torch.stack([one[0] for one in chosen])
        x = x + torch.randn_like(x) * 0.04 * torch.rand(len(x), 1, 1, 1)
        if rng.random() < 0.3:
            x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
        with torch.autocast("cpu", torch.bfloat16):
            objects, colours = judge(x.contiguous(memory_format=torch.channels_last))
        wanted, ground = torch.tensor([one[1] for one in chosen]), torch.tensor([one[2] for one in chosen])
        loss = F.cross_entropy(objects.float(), wanted) + 0.5 * F.cross_entropy(colours.float(), ground)
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        running = loss.item() if running is None else 0.97 * running + 0.03 * loss.item()
        if step % 100 == 0:
            print(f"{time.time() - began:.0f} s step {step} loss {running:.4f}", flush=True)
    judge.eval()
    torch.save(judge.state_dict(), args.out + ".tmp")
    os.replace(args.out + ".tmp", args.out)
    for tinted in (False, True):
        print("unseen renders,", "recoloured:" if tinted else "own colours:", "object, background right", accuracy(judge, tinted))


@torch.no_grad()
def accuracy(judge: Judge, tinted: bool) -> tuple[float, float]:
    """On fresh renders at the usual places, every object twice."""
    rng, right_object, right_colour, count = random.Random(12345), 0, 0, 0
    for index in range(len(OBJECTS)):
        colours = [rng.randrange(len(COLOUR_KEYS)) for _ in range(2)]
        pictures = []
        for colour in colours:
            size = rng.choice(list(SIZES))
            place = Placement(index, size, rng.choice(COLUMNS[size]), rng.random() < 0.5, rng.choice(COLOUR_KEYS) if tinted else None)
            pictures.append(render([place], COLOUR_KEYS[colour], rng.choice(LIGHTS)))
        objects, grounds = judge(prepared(pictures))
        right_object += (objects.argmax(1) == index).sum().item()
        right_colour += (grounds.argmax(1) == torch.tensor(colours)).sum().item()
        count += 2
    return right_object / count, right_colour / count


def load(path: str) -> Judge:
    judge = Judge()
    judge.load_state_dict(torch.load(path))
    return judge.eval()


if __name__ == "__main__":
    main()
