"""What a caption leaves unsaid is read from the noise the picture starts from.

For each of the choices below, the sum of one latent channel of the noise over the picture, divided by the square root of the
number of cells, is a standard normal number. Training pairs noise and scene by these numbers, so the transformer learns one right answer for
each (caption, noise): pictures are crisp after few steps, and another seed gives another place, size, mirror image and light.
Over all noise the scenes still have the intended shares, so this is an ordinary coupling of flow matching.
"""
from __future__ import annotations

import math

from torch import Tensor

from scenes import COLUMNS, LIGHTS

CHOICES = ["mirror", "size", "column", "light", "colour"]  # read from the last channels, in this order from the end
# Shares of the sizes where the caption does not say one, by stage of training. "bind" comes first: all objects at one place, until captions
# and objects are bound; "tell" adds sizes and places as the caption tells them, "place" those that the noise decides, "mirror" mirrored objects.
STAGES = {
    "bind": [("large", 1.0)],
    "tell": [("large", 1.0)],
    "place": [("medium", 0.4), ("large", 0.45), ("small", 0.15)],
    "mirror": [("medium", 0.4), ("large", 0.45), ("small", 0.15)],
}
UNSAID_COLOURS = ["cream", "sky", "white", "pink"]


def shares_of(noise: Tensor) -> dict[str, float]:
    """A uniform number in 0..1 for each choice; noise is [channels, rows, columns]."""
    cells = noise.shape[1] * noise.shape[2]
    return {
        choice: 0.5 * (1 + math.erf(noise[-1 - index].sum().item() / math.sqrt(cells) / math.sqrt(2)))
        for index, choice in enumerate(CHOICES)
    }


def pick(share: float, options: list):
    return options[min(int(share * len(options)), len(options) - 1)]


def size_of(share: float, shares: list[tuple[str, float]]) -> str:
    for size, part in shares:
        if share < part:
            return size
        share -= part
    return shares[-1][0]


def column_of(share: float, size: str) -> int:
    return pick(share, list(COLUMNS[size]))


def light_of(share: float) -> str:
    return pick(share, LIGHTS)


def colour_of(share: float, allowed: list[str]) -> str:
    return pick(share, [colour for colour in UNSAID_COLOURS if colour in allowed])
