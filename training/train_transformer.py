"""Joint training of the transformer and the text encoder with flow matching, in the convention of diffusers' ZImagePipeline:
x = (1 - sigma) x0 + sigma noise, t = 1 - sigma, output y = x0 - noise, velocity -y.

    ./run_transformer.sh --minutes 60            two processes, one core each; resumes from --out
    python train_transformer.py --minutes 60     one process
"""
from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

import layout
from latents import CHANNELS, Codes
from networks import Shape, TextEncoder, Transformer
from optimiser import Muon, all_summed
from samples import Example, LatentStore, Sampler
from tokenizer import CaptionTokens

SHIFT, STEPS = 3.0, 8  # of the sampler's schedule


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", default="work/codes.npz")
    parser.add_argument("--tokenizer", default="work/tokenizer")
    parser.add_argument("--text", default="work/text.pt", help="warm start of the text encoder")
    parser.add_argument("--out", default="work/transformer.pt")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=16, help="of one process")
    parser.add_argument("--rate", type=float, default=0.02, help="of Muon")
    parser.add_argument("--peak", type=float, default=1.0, help="scales all rates")
    parser.add_argument("--hold", type=float, default=0.6, help="share of the time before the rates fall")
    parser.add_argument("--average", type=float, default=0.99)
    parser.add_argument("--pure", type=float, default=0.25, help="share of examples that start at pure noise")
    parser.add_argument("--free", type=float, default=0.1, help="share of examples whose noise does not decide the layout")
    parser.add_argument("--pairs", type=float, default=0.0)
    parser.add_argument("--tints", type=float, default=0.0)
    parser.add_argument("--stage", default="mirror", choices=list(layout.STAGES), help="see layout.py")
    parser.add_argument("--attributes", type=float, default=1.0, help="scales how often captions state size and place")
    parser.add_argument("--save", type=float, default=180, help="seconds")
    return parser.parse_args()


class Batches:
    """Noisy latents with their captions and targets."""

    def __init__(self, args: argparse.Namespace, seed: int):
        self.sampler = Sampler(seed, args.stage, args.pairs, args.tints, args.attributes)
        self.store, self.tokens, self.args = LatentStore(Codes(args.codes)), CaptionTokens(args.tokenizer, dropout=0.1), args
        self.generator = torch.Generator().manual_seed(seed)
        self.waiting: dict[int, list] = {32: [], 64: []}

    def of_one_length(self, count: int) -> tuple[int, list[tuple[Tensor, Example, list[int]]]]:
        """The padded length of the next batch, 32 or 64 tokens, and (noise, scene, caption ids) of its examples."""
        while True:
            noise = torch.randn(CHANNELS, 16, 16, generator=self.generator)
            example = self.sampler.draw(layout.shares_of(noise))
            length = 32 if len(self.tokens.ids(example.caption)) <= 32 else 64
            ids = self.tokens.fitting_ids(example.caption, length, self.sampler.rng.random() < 0.25)
            if not ids:
                continue
            waiting = self.waiting[length]
            waiting.append((noise, example, ids))
            if len(waiting) == count:
                self.waiting[length] = []
                return length, waiting

    def next(self, count: int) -> tuple[Tensor, ...]:
        """(x, sigma, y, caption ids, their lengths, weights)"""
        u = torch.rand(count, generator=self.generator)
        # Two thirds of the examples at the very levels that eight steps visit, the rest anywhere.
        exact = torch.rand(count, generator=self.generator) < 0.67
        u = torch.where(exact, (u * STEPS).ceil() / STEPS, u)
        sigma = SHIFT * u / (1 + (SHIFT - 1) * u)
        sigma = torch.where(torch.rand(count, generator=self.generator) < self.args.pure, torch.ones(count), sigma).clamp(0.01, 1.0)
        length, drawn = self.of_one_length(count)
        noise, clean = torch.stack([one for one, _, _ in drawn]), torch.stack([self.store.latents(example) for _, example, _ in drawn])
        for index in range(count):
            if sigma[index] < 0.85 and self.sampler.rng.random() < self.args.free:
                noise[index] = torch.randn(noise.shape[1:], generator=self.generator)
        level = sigma.view(-1, 1, 1, 1)
        padded, lengths = self.tokens.batch([ids for _, _, ids in drawn], length)
        weight = (sigma / 0.3).clamp(0.1, 1.0)
        return (1 - level) * clean + level * noise, sigma, clean - noise, padded, lengths, weight


class Model(nn.Module):
    """Both networks in one graph."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.text, self.transformer = TextEncoder(shape), Transformer(shape)

    def forward(self, x: Tensor, sigma: Tensor, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.transformer(x, 1 - sigma, self.text(ids), lengths)


class Trainer:
    def __init__(self, args: argparse.Namespace):
        self.args = args
        known = torch.load(args.out)["shape"] if os.path.exists(args.out) else {}
        self.shape = Shape(**{key: tuple(value) if isinstance(value, list) else value for key, value in known.items()})
        torch.manual_seed(0)
        self.model = Model(self.shape)
        if os.path.exists(args.text):
            self.model.text.load_state_dict(torch.load(args.text))
        self.named = list(self.model.named_parameters())
        matrix = [(n, p) for n, p in self.named if n.startswith("transformer.") and p.ndim == 2 and (".attention." in n or ".feed_forward." in n)]
        names = {name for name, _ in matrix}
        rest = [(n, p) for n, p in self.named if n not in names]
        self.muon = Muon(matrix, pieces=lambda name: 3 if "qkv" in name else 2 if "w13" in name else 1)
        self.groups = [
            {"params": [p for n, p in rest if n.startswith("transformer.")], "base": 1.5e-3},
            {"params": [p for n, p in rest if n.startswith("text.")], "base": 5e-4},
        ]
        self.rest = [p for _, p in rest]
        self.adam = torch.optim.Adam(self.groups, lr=1e-3, betas=(0.9, 0.98))
        self.average = [p.detach().clone() for _, p in self.named]
        self.step = self.seen = 0
        self.log: list = []
        if os.path.exists(args.out):
            self.load(args.out)

    @torch.no_grad()
    def load(self, path: str) -> None:
        """A packed state (see pack_state.py) holds the average alone."""
        state = torch.load(path)
        for (name, weight), average in zip(self.named, self.average):
            weight.copy_(state.get("weights", state["average"])[name])
            average.copy_(state["average"][name])
        if "adam" in state:
            for (name, _), buffer in zip(self.muon.named, self.muon.buffers):
                buffer.copy_(state["momentum"][name])
            self.adam.load_state_dict(state["adam"])
        self.step, self.seen, self.log = state["step"], state["seen"], state["log"]

    def save(self, path: str) -> None:
        state = {
            "shape": asdict(self.shape), "weights": {n: p.data for n, p in self.named},
            "average": {n: a for (n, _), a in zip(self.named, self.average)},
            "momentum": {n: b for (n, _), b in zip(self.muon.named, self.muon.buffers)},
            "adam": self.adam.state_dict(), "step": self.step, "seen": self.seen, "log": self.log,
        }
        torch.save(state, path + ".tmp")
        os.replace(path + ".tmp", path)

    def update(self, batch: tuple[Tensor, ...], pace: float) -> tuple[Tensor, Tensor]:
        x, sigma, y, ids, lengths, weight = batch
        for _, parameter in self.named:
            parameter.grad = None
        with torch.autocast("cpu", torch.bfloat16):
            guess = self.model(x, sigma, ids, lengths)
        errors = (guess.float() - y).square().mean((1, 2, 3))
        (errors * weight).mean().backward()
        if dist.is_initialized():
            world = dist.get_world_size()
            for (_, parameter), gradient in zip(self.named, all_summed([p.grad for _, p in self.named])):
                parameter.grad = gradient / world
        nn.utils.clip_grad_norm_(self.rest, 1.0)
        self.muon.step(self.args.rate * pace)
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * pace
        self.adam.step()
        self.step += 1
        with torch.no_grad():
            keep = min(self.args.average, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.average, [p.detach() for _, p in self.named], 1 - keep)
        return sigma, errors.detach()


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        dist.init_process_group("gloo")
    trainer = Trainer(args)
    batches = Batches(args, seed=1000 * rank + trainer.step)
    if rank == 0:
        print("parameters in M", round(sum(p.numel() for _, p in trainer.named) / 1e6, 2), "step", trainer.step, flush=True)
    began = saved = time.time()
    first, buckets = trainer.step, np.zeros((5, 2))
    while True:
        share = torch.tensor([(time.time() - began) / (args.minutes * 60)])
        if world > 1:
            dist.broadcast(share, 0)
        share = share.item()
        pace = args.peak * min(1, (trainer.step - first + 1) / 40) * min(1, max(0.02, (1 - share) / max(1e-9, 1 - args.hold)))
        sigma, errors = trainer.update(batches.next(args.batch), pace)
        trainer.seen += args.batch * world
        for level, error in zip(sigma.tolist(), errors.tolist()):
            buckets[4 if level == 1 else min(3, int(level * 4))] += (error, 1)
        done = share >= 1
        if rank == 0 and (trainer.step % 50 == 0 or done):
            by_sigma = (buckets[:, 0] / np.maximum(1, buckets[:, 1])).round(3).tolist()
            buckets[:] = 0
            minutes = (time.time() - began) / 60
            trainer.log.append((trainer.step, trainer.seen, by_sigma))
            speed = (trainer.step - first) * args.batch * world / (time.time() - began)
            print(time.strftime("%H:%M:%S"), f"minutes {minutes:.1f} step {trainer.step} seen {trainer.seen} error by sigma "
                  f"0-.25-.5-.75-1, 1: {by_sigma} speed {speed:.1f}/s", flush=True)
        if rank == 0 and (done or time.time() - saved > args.save):
            saved = time.time()
            trainer.save(args.out)
        if done:
            break


if __name__ == "__main__":
    main()
