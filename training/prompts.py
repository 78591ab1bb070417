"""The judge's prompt lists. Wording is written by hand and apart from captions.py.

`tuning`: looked at while training. `held-out`: 360 prompts over all objects, half Chinese, never used to choose anything, each on the
background its object was never trained with, in other wording. `pairs` and `tints` are for two-object scenes and recoloured objects.
"""
from __future__ import annotations

import random

from captions import COLOUR_NAMES, MASS, PLURAL
from samples import held_out_colour
from scenes import COLOUR_KEYS, OBJECTS

TUNING_EN = ["{a} on a {c} background", "{c} background, {o}", "a picture of {a} with a {c} background", "{o}, {c}"]
TUNING_ZH = ["{c}背景上的{o}", "一{m}{o}，{c}背景", "{o}，{c}的背景", "{c}背景，{o}"]
HELD_OUT_EN = ["{a} in front of a {c} backdrop", "I would like {a}, the background should be {c}", "{a}, studio picture, {c} background",
               "on a {c} background there is {a}", "{o} - {c} background", "a render of {a} on {c}"]
HELD_OUT_ZH = ["请给我画一{m}{o}，背景用{c}", "{c}的背景上有一{m}{o}", "{o}的图，{c}底色", "背景要{c}，主体是{o}", "一张{o}的照片，{c}背景", "{o}，底色{c}"]


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


def held_out() -> list[dict]:
    """Every object once by its main name, half of them again in the other language by another name."""
    rng = random.Random(2)
    made = []
    for index in range(len(OBJECTS)):
        language = "zh" if index % 2 else "en"
        made.append(prompt_of(index, held_out_colour(index), rng.choice(HELD_OUT_ZH if language == "zh" else HELD_OUT_EN), language, 0, rng))
    for index in range(0, len(OBJECTS), 2):
        language = "zh" if index % 4 else "en"
        made.append(prompt_of(index, held_out_colour(index), rng.choice(HELD_OUT_ZH if language == "zh" else HELD_OUT_EN), language, 1, rng))
    return made


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


LISTS = {"tuning": tuning, "held-out": held_out, "pairs": pairs}
