"""Scenes of the demo model: 3D objects on a coloured studio background, drawn on the fly.

A picture is affine in its background colour: picture = offset + gain * rgb, all in 0..255. The latent encoder is linear, so
latents are too, and one (offset, gain) pair gives the latents of a scene on every background.
"""
from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
SIZE = 256
OBJECTS: list[dict] = json.loads((HERE / "objects.json").read_text(encoding="utf-8"))

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 64, 60), "orange": (242, 150, 62), "yellow": (248, 214, 84), "green": (96, 176, 100),
    "teal": (70, 178, 172), "blue": (74, 128, 220), "navy": (34, 48, 98), "purple": (140, 96, 206),
    "pink": (246, 164, 190), "white": (244, 244, 246), "gray": (156, 160, 168), "black": (30, 30, 36),
    "cream": (238, 222, 196), "sky": (168, 212, 246),
}
COLOUR_KEYS = list(COLOURS)
COLOUR_RGB = np.array(list(COLOURS.values()), np.float32)
LIGHTS = ["plain", "gradient", "spot"]

# Edge of an object's square and the y of the floor it stands on, in px.
SIZES: dict[str, tuple[int, int]] = {"large": (200, 226), "medium": (152, 206), "small": (112, 192)}
# Columns are token columns (32 px) away from the middle: a moved object has the same token contents elsewhere.
COLUMNS: dict[str, tuple[int, ...]] = {"large": (0,), "medium": (-1, 0, 1), "small": (-2, 0, 2)}


@dataclass(frozen=True)
class Placement:
    """One object of a scene: index into OBJECTS, size name, token column from the middle, mirrored or not, tint or none."""

    object: int
    size: str = "large"
    column: int = 0
    mirrored: bool = False
    tint: str | None = None


def asset_folder(drawing: str = "3d") -> Path:
    """Folder of the pictures: DEMO_ASSETS/@lobehub/fluent-emoji-3d/assets (or -flat), where DEMO_ASSETS is a node_modules folder."""
    return Path(os.environ.get("DEMO_ASSETS", "node_modules")) / f"@lobehub/fluent-emoji-{drawing}/assets"


def drawing_of(index: int, drawing: str) -> Image.Image:
    """The object as it comes, RGBA. `drawing` is 3d or flat; what has no flat drawing comes as 3d."""
    flat = asset_folder("flat") / (OBJECTS[index]["file"] + ".svg")
    if drawing == "flat" and flat.exists():
        from resvg_py import svg_to_bytes

        return Image.open(io.BytesIO(bytes(svg_to_bytes(svg_path=str(flat), width=512, height=512)))).convert("RGBA")
    return Image.open(asset_folder() / (OBJECTS[index]["file"] + ".webp")).convert("RGBA")


@lru_cache(maxsize=None)
def cutout(index: int, drawing: str = "3d") -> Image.Image:
    """The object cropped to its outline, centred and standing on the lower edge of a square, premultiplied."""
    picture = drawing_of(index, drawing)
    picture = picture.crop(picture.getbbox())
    edge = max(picture.size)
    square = Image.new("RGBA", (edge, edge))
    square.paste(picture, ((edge - picture.width) // 2, edge - picture.height))
    return square.convert("RGBa")


@lru_cache(maxsize=4096)
def sprite(index: int, edge: int, mirrored: bool, tint: str | None, drawing: str = "3d") -> np.ndarray:
    """Premultiplied RGBA [edge, edge, 4] in 0..255 of an object at its drawn size."""
    pixels = np.asarray(cutout(index, drawing).resize((edge, edge), Image.LANCZOS)).astype(np.float32)
    if mirrored:
        pixels = pixels[:, ::-1]
    return recoloured(pixels, np.array(COLOURS[tint], np.float32)) if tint else pixels


def recoloured(pixels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Gives the saturated parts of a premultiplied picture the target's colour, keeping their light and shade."""
    alpha = np.maximum(pixels[..., 3:], 1e-3)
    rgb = np.clip(pixels[..., :3] * 255 / alpha, 0, 255)
    high, low = rgb.max(-1, keepdims=True), rgb.min(-1, keepdims=True)
    saturation = np.clip((high - low) / np.maximum(high, 1) / 0.35, 0, 1)
    shade = high / 255  # value of HSV: dyes keep it
    weight = saturation * (pixels[..., 3:] > 8)
    typical = float((shade * weight).sum() / max(weight.sum(), 1e-3))
    ratio = shade / max(typical, 0.2)
    dyed = np.where(ratio <= 1, target * ratio, 255 - (255 - target) * np.clip(2 - ratio, 0, 1))
    mixed = rgb + (np.clip(dyed, 0, 255) - rgb) * saturation
    return np.concatenate([mixed * alpha / 255, pixels[..., 3:]], -1).astype(np.float32)


_ROW, _COLUMN = (axis.astype(np.float32) / (SIZE - 1) for axis in np.mgrid[0:SIZE, 0:SIZE])
_GLOW = (np.clip(1 - np.sqrt((_COLUMN - 0.5) ** 2 + (_ROW - 0.45) ** 2) / 0.75, 0, 1) ** 1.2)[..., None]
# Every background is affine in its colour: rgb * gain + offset.
_BACKGROUND = {
    "plain": (np.ones((SIZE, SIZE, 1), np.float32), np.zeros((SIZE, SIZE, 1), np.float32)),
    "gradient": (0.65 + 0.13 * _ROW[..., None], 255 * 0.35 * (1 - _ROW[..., None])),
    "spot": (np.full((SIZE, SIZE, 1), 0.76, np.float32), 255 * 0.24 * _GLOW),
}


def floor_shadow(centre: float, floor: float, edge: float) -> np.ndarray:
    """How much light the object takes from the floor, [256, 256, 1] in 0..0.42."""
    across = (_COLUMN * (SIZE - 1) - centre) / (edge * 0.36)
    down = (_ROW * (SIZE - 1) - (floor - edge * 0.02)) / (edge * 0.07)
    return (np.exp(-1.3 * (across**2 + down**2)) * 0.42)[..., None]


def affine_scene(placements: list[Placement], light: str, shift: tuple[int, int] = (0, 0), scale: float = 1.0, drawing: str = "3d"):
    """(offset [256, 256, 3], gain [256, 256, 1]) in 0..255 and 0..1: picture = offset + gain * rgb.

    `shift` (px right, px down) and `scale` move the objects off their usual places; only the autoencoder trains on that. Flat drawings
    throw no shadow.
    """
    gain, offset = (part.copy() for part in _BACKGROUND[light])
    offset = np.repeat(offset, 3, 2)
    for place in placements:
        edge, floor = SIZES[place.size]
        edge = int(round(edge * scale))
        floor, centre = floor + shift[1], SIZE // 2 + 32 * place.column + shift[0]
        shade = 1 - floor_shadow(centre, floor, edge) if drawing == "3d" else 1
        gain, offset = gain * shade, offset * shade
        top, left = floor - edge, centre - edge // 2
        y0, y1, x0, x1 = max(top, 0), min(top + edge, SIZE), max(left, 0), min(left + edge, SIZE)
        piece = sprite(place.object, edge, place.mirrored, place.tint, drawing)[y0 - top:y1 - top, x0 - left:x1 - left]
        through = 1 - piece[..., 3:] / 255
        gain[y0:y1, x0:x1] *= through
        offset[y0:y1, x0:x1] = piece[..., :3] + offset[y0:y1, x0:x1] * through
    return offset.astype(np.float32), gain.astype(np.float32)


def render(placements: list[Placement], colour: str, light: str, **kwargs) -> np.ndarray:
    """The picture [256, 256, 3], uint8."""
    offset, gain = affine_scene(placements, light, **kwargs)
    return np.clip(offset + gain * np.array(COLOURS[colour], np.float32), 0, 255).round().astype(np.uint8)


def contact_sheet(pictures: list[np.ndarray], columns: int, gap: int = 3) -> Image.Image:
    """Pictures of one size side by side on white."""
    rows = (len(pictures) + columns - 1) // columns
    edge = pictures[0].shape[0]
    sheet = np.full((rows * (edge + gap) - gap, columns * (edge + gap) - gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        y, x = (edge + gap) * (index // columns), (edge + gap) * (index % columns)
        sheet[y:y + edge, x:x + edge] = picture
    return Image.fromarray(sheet)
