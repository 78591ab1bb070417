"""The latent space: principal components of 16 x 16 px patches, partly whitened, fitted on scenes and their mirror images.

The encoder is linear, so the latents of a scene are affine in its background colour, the transformer can train before the
decoder is ready, and the decoder may be improved for ever without touching the transformer. The decoder is trained (see
train_decoder.py); the official encoder is trained to compute these codes (train_encoder.py).

    python latents.py --out work/codes.npz
"""
from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scenes import COLOUR_KEYS, COLUMNS, LIGHTS, OBJECTS, SIZES, Placement, render

PATCH = 16
CHANNELS = 32
WHITENING = 0.6  # 0: components keep their spread, 1: all alike. Between: detail is learnt, but colour and outline come first


def to_tensor(pictures: list[np.ndarray] | np.ndarray) -> Tensor:
    """uint8 [count, height, width, 3] -> float [count, 3, height, width] in -1..1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(x: Tensor) -> list[np.ndarray]:
    """Inverse of `to_tensor`, clipped."""
    return list(((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())


def psnr(x: Tensor, target: Tensor) -> float:
    """Mean over pictures in -1..1, in dB."""
    return (10 * torch.log10(4 / (x.clamp(-1, 1) - target).square().mean((1, 2, 3)))).mean().item()


class Codes:
    """The fixed linear encoder and its linear inverse."""

    def __init__(self, path: str | Path):
        stored = np.load(path)
        self.weight = torch.from_numpy(stored["weight"])  # [channels, 3, 16, 16]
        self.bias = torch.from_numpy(stored["bias"])
        self.basis = torch.from_numpy(stored["basis"])  # [channels, 768], rows times codes give pixels
        self.mean = torch.from_numpy(stored["mean"])

    def encode(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, stride=PATCH)

    def encode_gain(self, gain: Tensor) -> Tensor:
        """Codes of a picture's part that is multiplied by a colour channel in 0..255, [3, channels, rows, columns].

        gain: [1, height, width], the same for red, green and blue.
        """
        separate = torch.zeros(3, 3, *gain.shape[1:])
        for channel in range(3):
            separate[channel, channel] = gain[0] / 127.5
        return F.conv2d(separate, self.weight, stride=PATCH)

    def decode_linear(self, z: Tensor) -> Tensor:
        patches = z.flatten(2).transpose(1, 2) @ self.basis + self.mean
        size = z.shape[2] * PATCH, z.shape[3] * PATCH
        return F.fold(patches.transpose(1, 2), size, PATCH, stride=PATCH)


def random_picture(rng: random.Random, loose: bool = True) -> np.ndarray:
    """Any scene: one or two objects; with `loose` also off the usual places and sizes."""
    size = rng.choice(list(SIZES))
    places = [Placement(rng.randrange(len(OBJECTS)), size, rng.choice(COLUMNS[size]), rng.random() < 0.5, random_tint(rng))]
    if rng.random() < 0.25:
        places = [Placement(rng.randrange(len(OBJECTS)), "small", side, rng.random() < 0.5, random_tint(rng)) for side in (-2, 2)]
    moved = {}
    if loose and rng.random() < 0.6:
        moved = {"shift": (rng.randint(-24, 24), rng.randint(-24, 12)), "scale": rng.uniform(0.85, 1.1)}
    return render(places, rng.choice(COLOUR_KEYS), rng.choice(LIGHTS), **moved)


def random_tint(rng: random.Random) -> str | None:
    return rng.choice(COLOUR_KEYS) if rng.random() < 0.12 else None


def fit(pictures: int, channels: int) -> dict[str, np.ndarray]:
    rng = random.Random(0)
    x = to_tensor([random_picture(rng) for _ in range(pictures)])
    x = torch.cat([x, x.flip(3)])  # so that components are even or odd, and a mirrored object has mirrored codes
    patches = F.unfold(x, PATCH, stride=PATCH).transpose(1, 2).reshape(-1, 3 * PATCH * PATCH)
    mean = patches.mean(0)
    covariance = ((patches - mean).T @ (patches - mean) / len(patches)).double()
    spread, vectors = torch.linalg.eigh(covariance)
    spread = spread.flip(0)[:channels].sqrt().float()
    vectors = vectors.flip(1)[:, :channels].float()
    scale = spread**WHITENING
    scale = scale * ((spread / scale).square().mean().sqrt())  # codes have unit variance over all channels
    weight = (vectors / scale).T.reshape(channels, 3, PATCH, PATCH)
    return {
        "weight": weight.numpy(), "bias": -(weight.flatten(1) @ mean).numpy(),
        "basis": (vectors * scale).T.numpy(), "mean": mean.numpy(), "spread": (spread / scale).numpy(),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="work/codes.npz")
    parser.add_argument("--pictures", type=int, default=800)
    args = parser.parse_args()
    torch.set_num_threads(1)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    stored = fit(args.pictures, CHANNELS)
    np.savez(args.out, **stored)
    codes, rng = Codes(args.out), random.Random(99)
    unseen = to_tensor([random_picture(rng) for _ in range(64)])
    print("spread of the channels", stored["spread"].round(2).tolist())
    print("linear decoding, dB", round(psnr(codes.decode_linear(codes.encode(unseen)), unseen), 2))


if __name__ == "__main__":
    main()
