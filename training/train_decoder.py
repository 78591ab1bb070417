"""Trains the decoder of the AutoencoderKL: codes of latents.py -> pixels. Goes on from the average in --out.

    python train_decoder.py --codes work/codes.npz --out work/decoder.pt --minutes 40

Run it in several parts: every start rescales the stream (see autoencoder.py), without which the last levels hardly learn.
The codes get a little noise, as the transformer's are not exact. Loss: L1 + L2 of pixels and of their differences (edges), and with
`--detail` that of the strength of fine detail in small windows: an edge that might lie a pixel further left or right is drawn crisp
somewhere and not softly everywhere. With `--generated` (see generated.py) a share of the latents is what the transformer draws.
"""
from __future__ import annotations

import argparse
import copy
import os
import random
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autoencoder import build, rescale_decoder, start_near_linear
from evaluate import detail
from latents import Codes, PATCH, psnr, random_picture, to_pictures, to_tensor
from optimiser import Muon
from scenes import contact_sheet, render


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", default="work/codes.npz")
    parser.add_argument("--out", default="work/decoder.pt")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--crop", type=int, default=128, help="px; 256 for the last part")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.01, help="of Muon; 0.002 when going on from a trained decoder")
    parser.add_argument("--hold", type=float, default=0.5, help="share of the time before the rate falls")
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--detail", type=float, default=0.0, help="weight of the strength of fine detail")
    parser.add_argument("--generated", default="", help="work/generated.pt: latents of the transformer")
    parser.add_argument("--share", type=float, default=0.6, help="of the pictures whose latents are the transformer's")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class PictureStore:
    """Freshly drawn pictures, each used a few times, as drawing costs time too."""

    def __init__(self, seed: int, capacity: int = 300):
        self.rng, self.capacity, self.pictures = random.Random(seed), capacity, []

    def crops(self, count: int, edge: int) -> Tensor:
        chosen = []
        for _ in range(count):
            if len(self.pictures) < 32 or self.rng.random() < 0.6:
                self.pictures.append(random_picture(self.rng))
                del self.pictures[: -self.capacity]
            picture = self.rng.choice(self.pictures)
            y, x = (self.rng.randrange(0, 257 - edge, PATCH) for _ in range(2))
            chosen.append(picture[y : y + edge, x : x + edge])
        return to_tensor(chosen)


class Generated:
    """Pairs of what the transformer drew and the picture that it should have been; whole pictures. The last 24 are kept for the report."""

    def __init__(self, path: str, codes: Codes, seed: int):
        stored = torch.load(path, weights_only=False)
        self.latents, self.scenes, self.codes, self.rng = stored["latents"], stored["scenes"], codes, random.Random(seed)

    def picture(self, index: int) -> Tensor:
        places, colour, light = self.scenes[index]
        return to_tensor([render(list(places), colour, light)])[0]

    def pair(self) -> tuple[Tensor, Tensor]:
        """Latents anywhere from near the exact ones to the transformer's, as it gets better with training."""
        index = self.rng.randrange(len(self.scenes) - 24)
        picture = self.picture(index)
        return torch.lerp(self.codes.encode(picture[None])[0], self.latents[index].float(), self.rng.uniform(0.2, 1.0)), picture

    def unseen(self) -> tuple[Tensor, Tensor]:
        indices = range(len(self.scenes) - 24, len(self.scenes))
        return self.latents[-24:].float(), torch.stack([self.picture(index) for index in indices])


def edge_loss(x: Tensor, target: Tensor) -> Tensor:
    error = x - target
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return error.abs().mean() + 2 * error.square().mean() + across.abs().mean() + down.abs().mean()


def detail_strengths(x: Tensor) -> list[Tensor]:
    """Mean and root mean square of differences and Laplacian in windows of 4 and 16 px. The two together tell a few crisp
    edges from many soft ripples of the same sum."""
    across, down = x[..., 1:-1, 1:] - x[..., 1:-1, :-1], x[..., 1:, 1:-1] - x[..., :-1, 1:-1]
    laplacian = across[..., :-1] - across[..., 1:] + down[..., :-1, :] - down[..., 1:, :]
    found = []
    for response in (across, down, laplacian):
        size, square = response.abs(), response.square()
        for window in (4, 16):
            found.append(F.avg_pool2d(size, window, window // 2))
            found.append((F.avg_pool2d(square, window, window // 2) + 1e-4).sqrt())
    return found


def detail_loss(x: Tensor, target: Tensor) -> Tensor:
    return sum((a - b).abs().mean() for a, b in zip(detail_strengths(x), detail_strengths(target)))


@torch.no_grad()
def drawn_by(decoder: nn.Module, z: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return torch.cat([decoder(part.to(memory_format=torch.channels_last)) for part in z.split(4)]).float()


def quality(decoder: nn.Module, z: Tensor, target: Tensor, sheet: str) -> str:
    drawn = to_pictures(drawn_by(decoder, z))
    real = to_pictures(target)
    contact_sheet(real[:6] + drawn[:6] + real[6:12] + drawn[6:12], 6).save(sheet)
    sharpness = sum(min(1.0, detail(a) / detail(b)) for a, b in zip(drawn, real)) / len(real)
    return f"{psnr(to_tensor(drawn), target):.2f} dB, sharpness {sharpness:.3f}"


def report(decoder: nn.Module, codes: Codes, generated: Generated | None, sheet: str) -> str:
    rng = random.Random(4242)
    target = to_tensor([random_picture(rng) for _ in range(12)])
    text = "exact codes: " + quality(decoder, codes.encode(target), target, sheet)
    return text + "; generated: " + quality(decoder, *generated.unseen(), sheet.replace(".png", "-generated.png")) if generated else text


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    codes, decoder = Codes(args.codes), build().decoder
    start_near_linear(decoder)
    matrices = [(n, p) for n, p in decoder.named_parameters() if p.ndim == 4 and min(p.shape[:2]) > 3]
    names = {name for name, _ in matrices}
    others = [p for n, p in decoder.named_parameters() if n not in names]
    muon, adam = Muon(matrices, decay=0.02), torch.optim.Adam(others, lr=1e-3, betas=(0.9, 0.98))
    step, spent = 0, 0.0
    if os.path.exists(args.out):
        stored = torch.load(args.out)
        decoder.load_state_dict(stored["average"])
        step, spent = stored["step"], stored["minutes"]
    rng = random.Random(31)
    rescale_decoder(decoder, codes.encode(to_tensor([random_picture(rng) for _ in range(4)])))
    average = copy.deepcopy(decoder)
    decoder.to(memory_format=torch.channels_last)
    average.to(memory_format=torch.channels_last)
    generated = Generated(args.generated, codes, args.seed + step) if args.generated else None
    store, began, saved, first = PictureStore(args.seed + step), time.time(), time.time(), step
    while True:
        share = (time.time() - began) / (args.minutes * 60)
        pace = min(1, (step - first + 1) / 30) * min(1, max(0.02, (1 - share) / max(1e-9, 1 - args.hold)))
        if generated and generated.rng.random() < args.share:
            z, target = map(torch.stack, zip(*[generated.pair() for _ in range(max(1, args.batch * args.crop**2 // 256**2))]))
        else:
            target = store.crops(args.batch, args.crop)
            z = codes.encode(target)
            z = z + torch.randn_like(z) * args.noise * torch.rand(len(z), 1, 1, 1)
        with torch.autocast("cpu", torch.bfloat16):
            drawn = decoder(z.to(memory_format=torch.channels_last))
        loss = edge_loss(drawn.float(), target)
        if args.detail:
            loss = loss + args.detail * detail_loss(drawn.float(), target)
        decoder.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(others, 1.0)
        muon.step(args.rate * pace)
        for group in adam.param_groups:
            group["lr"] = 1e-3 * pace
        adam.step()
        step += 1
        with torch.no_grad():
            weight = 1 - min(0.995, (1 + step - first) / (10 + step - first))
            torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in decoder.parameters()], weight)
        done = share >= 1
        if done or time.time() - saved > 240:
            saved = time.time()
            minutes = spent + (time.time() - began) / 60
            figures = report(average, codes, generated, args.out.replace(".pt", ".png"))
            print(time.strftime("%H:%M:%S"), f"step {step} minutes {minutes:.1f} loss {loss.item():.4f} {figures}", flush=True)
            torch.save({"average": average.state_dict(), "step": step, "minutes": minutes}, args.out + ".tmp")
            os.replace(args.out + ".tmp", args.out)
        if done:
            break


if __name__ == "__main__":
    main()
