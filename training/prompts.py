"""The judge's prompt lists. Wording is written by hand and apart from captions.py.

`tuning`: looked at while training. `held-out`: 360 prompts over all objects, half Chinese, never used to choose anything, each on the
background its object was never trained with, in other wording. `fresh` is the same in yet other wording: written after the errors of
the held-out list had been looked at, and captions.py widened for them. `pairs`, `tints` and `places` are for two-object scenes, recoloured
objects, and sizes and places of objects.
"""
from __future__ import annotations

import random

import numpy as np

from captions import COLOUR_NAMES, MASS, PLURAL
from samples import held_out_colour
from scenes import COLOUR_KEYS, OBJECTS, sprite

TUNING_EN = ["{a} on a {c} background", "{c} background, {o}", "a picture of {a} with a {c} background", "{o}, {c}"]
TUNING_ZH = ["{c}背景上的{o}", "一{m}{o}，{c}背景", "{o}，{c}的背景", "{c}背景，{o}"]
HELD_OUT_EN = ["{a} in front of a {c} backdrop", "I would like {a}, the background should be {c}", "{a}, studio picture, {c} background",
               "on a {c} background there is {a}", "{o} - {c} background", "a render of {a} on {c}"]
HELD_OUT_ZH = ["请给我画一{m}{o}，背景用{c}", "{c}的背景上有一{m}{o}", "{o}的图，{c}底色", "背景要{c}，主体是{o}", "一张{o}的照片，{c}背景", "{o}，底色{c}"]

FRESH_EN = ["please make a picture with {a}, and let the backdrop be {c}", "{a}; all of the background in {c}", "{c} wall, and before it {a}",
            "could I get {a} with {c} behind it?", "one image: {o}, background colour {c}", "it shows {a}, the ground is {c}"]
FRESH_ZH = ["来一张{o}的画，底是{c}的", "我要一{m}{o}，后面的颜色用{c}", "{c}作底，上面是一{m}{o}", "帮忙生成{o}，整个背景都是{c}", "图里是一{m}{o}，背景选{c}",
            "{o}，配{c}背景"]


def article(name: str) -> str:
    if name in PLURAL or name in MASS:
        return name
    return ("an " if name[0].lower() in "aeiou" and not name.startswith(("uni", "UFO")) else "a ") + name


def prompt_of(index: int, colour: str, template: str, language: str, alias: int, rng: random.Random) -> dict:
    entry = OBJECTS[index]
    names = entry[language]
    name = names[alias % len(names)]
    told = rng.choice(COLOUR_NAMES[colour][language == "zh"])
    text = template.format(a=article(name), o=name, c=told, m=entry["measure"])
    return {"prompt": text, "objects": [index], "colour": colour, "language": language}


def tuning() -> list[dict]:
    rng = random.Random(1)
    made = []
    for index in range(0, len(OBJECTS), 2):
        language = "zh" if index % 4 else "en"
        colour = rng.choice([key for key in COLOUR_KEYS if key != held_out_colour(index)])
        made.append(prompt_of(index, colour, rng.choice(TUNING_ZH if language == "zh" else TUNING_EN), language, 0, rng))
    return made


def unseen_pairs(english: list[str], chinese: list[str], seed: int) -> list[dict]:
    """Every object once by its main name, half of them again in the other language by another name, on the background it is never
    trained with."""
    rng = random.Random(seed)
    made = []
    for index in range(len(OBJECTS)):
        language = "zh" if index % 2 else "en"
        made.append(prompt_of(index, held_out_colour(index), rng.choice(chinese if language == "zh" else english), language, 0, rng))
    for index in range(0, len(OBJECTS), 2):
        language = "zh" if index % 4 else "en"
        made.append(prompt_of(index, held_out_colour(index), rng.choice(chinese if language == "zh" else english), language, 1, rng))
    return made


def held_out() -> list[dict]:
    return unseen_pairs(HELD_OUT_EN, HELD_OUT_ZH, 2)


def fresh() -> list[dict]:
    return unseen_pairs(FRESH_EN, FRESH_ZH, 5)


def pairs() -> list[dict]:
    rng = random.Random(3)
    made = []
    for number in range(60):
        left, right = rng.sample(range(len(OBJECTS)), 2)
        colour = rng.choice(COLOUR_KEYS)
        if number % 2:
            text = f"{OBJECTS[left]['zh'][0]}在{OBJECTS[right]['zh'][0]}的左边，{COLOUR_NAMES[colour][1][0]}背景"
        else:
            a, b = article(OBJECTS[left]["en"][0]), article(OBJECTS[right]["en"][0])
            text = f"{a} to the left of {b} on a {COLOUR_NAMES[colour][0][0]} background"
        made.append({"prompt": text, "objects": [left, right], "colour": colour, "language": "zh" if number % 2 else "en"})
    return made


def dyed_share(index: int, tint: str) -> float:
    """How far this tint moves the object's pixels on average, 0..1."""
    plain, dyed = sprite(index, 64, False, None), sprite(index, 64, False, tint)
    return float(np.abs(plain[..., :3] - dyed[..., :3]).sum() / max(1, plain[..., 3].sum() * 3))


def tints() -> list[dict]:
    """Objects in a colour that changes them visibly, on a background of another colour."""
    rng = random.Random(4)
    made = []
    while len(made) < 60:
        index, tint = rng.randrange(len(OBJECTS)), rng.choice(COLOUR_KEYS)
        if dyed_share(index, tint) < 0.2:
            continue
        colour = rng.choice([key for key in COLOUR_KEYS if key not in (tint, held_out_colour(index))])
        name = OBJECTS[index]["zh" if len(made) % 2 else "en"][0]
        if len(made) % 2:
            text = f"{COLOUR_NAMES[tint][1][0]}的{name}，{COLOUR_NAMES[colour][1][0]}背景"
        else:
            thing = f"{COLOUR_NAMES[tint][0][0]} {name}"
            named = thing if name in PLURAL or name in MASS else ("an " if thing[0] in "aeiou" else "a ") + thing
            ground = COLOUR_NAMES[colour][0][0]
            text = f"{named} on {'an' if ground == 'orange' else 'a'} {ground} background"
        made.append({"prompt": text, "objects": [index], "colour": colour, "tint": tint, "language": "zh" if len(made) % 2 else "en"})
    return made


def places() -> list[dict]:
    """Small objects in the middle, objects on the left and on the right."""
    rng = random.Random(6)
    made = []
    for number in range(60):
        index, (size, column) = rng.randrange(len(OBJECTS)), [("small", 0), ("medium", -1), ("medium", 1)][number % 3]
        colour = rng.choice([key for key in COLOUR_KEYS if key != held_out_colour(index)])
        chinese = number % 2 == 1
        name, ground = OBJECTS[index]["zh" if chinese else "en"][0], COLOUR_NAMES[colour][chinese][0]
        if chinese:
            text = {0: f"很小的{name}，{ground}背景", -1: f"{name}在左边，{ground}背景", 1: f"{ground}背景，右边有一{OBJECTS[index]['measure']}{name}"}[column]
        else:
            thing = article(f"small {name}") if name not in PLURAL and name not in MASS else f"small {name}"
            text = {0: f"{thing} on a {ground} background", -1: f"{article(name)} on the left, {ground} background",
                    1: f"{ground} background with {article(name)} on the right"}[column]
        made.append({"prompt": text, "objects": [index], "colour": colour, "place": (size, column), "language": "zh" if chinese else "en"})
    return made


LISTS = {"tuning": tuning, "held-out": held_out, "fresh": fresh, "pairs": pairs, "tints": tints, "places": places}
