"""Training examples: scenes with captions, paired with the noise they start from, and their latents."""
from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

import layout
from captions import Said, caption
from latents import Codes
from scenes import COLOUR_KEYS, COLOUR_RGB, COLUMNS, LIGHTS, OBJECTS, Placement, affine_scene


@dataclass(frozen=True)
class Example:
    places: tuple[Placement, ...]
    colour: str
    light: str
    said: Said
    language: str
    caption: str


def held_out_colour(index: int) -> str:
    """The background on which this object is never trained, so that the judge can ask for a combination nobody has seen."""
    return COLOUR_KEYS[(5 * index + 3) % len(COLOUR_KEYS)]


class Sampler:
    """Draws examples.

    `stage` is one of layout.STAGES; `pairs` and `tints` are the shares of two-object and recoloured scenes; `attributes` scales how
    often captions state size and place.
    """

    def __init__(self, seed: int, stage: str = "mirror", pairs: float = 0.0, tints: float = 0.0, attributes: float = 1.0):
        self.rng = random.Random(seed)
        self.mirrors, self.told_only, self.size_shares = stage == "mirror", stage == "tell", layout.STAGES[stage]
        self.pairs, self.tints, self.attributes = pairs, tints, 0.0 if stage == "bind" else attributes
        self.bag: list[int] = []

    def next_object(self) -> int:
        """Every object once before any comes again."""
        if not self.bag:
            self.bag = list(range(len(OBJECTS)))
            self.rng.shuffle(self.bag)
        return self.bag.pop()

    def draw(self, shares: dict[str, float] | None = None) -> Example:
        """`shares` is what the noise decides (layout.shares_of); without it the unsaid is drawn at random."""
        rng = self.rng
        shares = shares or {choice: rng.random() for choice in layout.CHOICES}
        rare = self.attributes
        pair = rng.random() < self.pairs
        said = Said(colour=rng.random() > 0.04, light=rng.random() < 0.4, size=not pair and rng.random() < 0.15 * rare,
                    place=not pair and rng.random() < 0.12 * rare)
        light = rng.choice(LIGHTS) if said.light else layout.light_of(shares["light"])
        mirrored = self.mirrors and shares["mirror"] < 0.5
        if pair:
            places = [Placement(self.next_object(), "small", side, mirrored, self.tint()) for side in (-2, 2)]
        else:
            places = [self.single(said, shares, mirrored)]
        seen = [colour for colour in COLOUR_KEYS if all(colour != held_out_colour(place.object) for place in places)]
        colour = rng.choice(seen) if said.colour else layout.colour_of(shares["colour"], seen)
        language = rng.choice(["en", "zh"])
        return Example(tuple(places), colour, light, said, language, caption(places, colour, light, said, language, rng))

    def single(self, said: Said, shares: dict[str, float], mirrored: bool) -> Placement:
        rng = self.rng
        aside = said.place and rng.random() < 0.75
        if said.size:
            size = rng.choice(["medium", "small"] if aside else ["large", "small"])
        else:
            beside = [("medium", 1.0)] if self.told_only else [("medium", 0.7), ("small", 0.3)]
            size = layout.size_of(shares["size"], beside if aside else self.size_shares)
        column = 0 if self.told_only else layout.column_of(shares["column"], size)
        if said.place:
            column = rng.choice([COLUMNS[size][0], COLUMNS[size][-1]]) if aside else 0
        return Placement(self.next_object(), size, column, mirrored, self.tint())

    def tint(self) -> str | None:
        return self.rng.choice(COLOUR_KEYS) if self.rng.random() < self.tints else None


class LatentStore:
    """Latents of scenes. Codes of plain single objects are kept, so that drawing costs nothing after the first round."""

    def __init__(self, codes: Codes, drawing: str = "3d"):
        self.codes, self.drawing, self.kept = codes, drawing, {}

    def parts(self, places: tuple[Placement, ...], light: str) -> Tensor:
        """[4, channels, 16, 16]: codes of the offset and of the red, green and blue gain, float16."""
        key = (places, light)
        if key in self.kept:
            return self.kept[key]
        offset, gain = affine_scene(list(places), light, drawing=self.drawing)
        base = self.codes.encode(torch.from_numpy(offset).permute(2, 0, 1)[None] / 127.5 - 1)
        gains = self.codes.encode_gain(torch.from_numpy(gain).permute(2, 0, 1))
        parts = torch.cat([base, gains * 128]).half()  # 128: keeps small gains out of float16's subnormal range
        if len(places) == 1 and places[0].tint is None:
            self.kept[key] = parts
        return parts

    def latents(self, example: Example) -> Tensor:
        """[channels, 16, 16]"""
        parts = self.parts(example.places, example.light).float()
        rgb = torch.from_numpy(COLOUR_RGB[COLOUR_KEYS.index(example.colour)]) / 128
        return parts[0] + (rgb[:, None, None, None] * parts[1:]).sum(0)
