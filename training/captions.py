"""English and Chinese captions of scenes in free word order, with everyday synonyms.

A caption leaves some things unsaid. What it leaves unsaid is decided by the noise the picture starts from (see layout.py), so
that a seed changes the picture visibly and yet every picture has one right answer.
"""
from __future__ import annotations

import random
import re
from dataclasses import dataclass

from scenes import OBJECTS, Placement

COLOUR_NAMES: dict[str, tuple[list[str], list[str]]] = {
    "red": (["red"], ["红色", "大红色"]), "orange": (["orange"], ["橙色", "橘色"]), "yellow": (["yellow"], ["黄色"]),
    "green": (["green"], ["绿色"]), "teal": (["teal", "turquoise"], ["青色", "蓝绿色"]), "blue": (["blue"], ["蓝色"]),
    "navy": (["dark blue", "navy blue", "navy"], ["深蓝色", "藏青色"]), "purple": (["purple", "violet"], ["紫色"]),
    "pink": (["pink"], ["粉色", "粉红色"]), "white": (["white"], ["白色"]), "gray": (["gray", "grey"], ["灰色"]),
    "black": (["black"], ["黑色"]), "cream": (["beige", "cream"], ["米色", "奶油色"]),
    "sky": (["light blue", "sky blue"], ["浅蓝色", "天蓝色"]),
}
LIGHT_WORDS = {
    "plain": (["plain", "flat", "solid"], ["plain background", "flat light"], ["纯色", "平光"]),
    "gradient": (["gradient"], ["gradient", "soft gradient"], ["渐变", "渐变色"]),
    "spot": (["spotlit"], ["spotlight", "studio light", "under a spotlight"], ["聚光", "聚光灯", "影棚灯光"]),
}
SIZE_WORDS = {"large": (["big", "large", "huge"], ["大大的", "很大的", "巨大的"]), "medium": ([], []),
              "small": (["small", "tiny", "little"], ["小小的", "很小的", "迷你的"])}
PLACE_WORDS = {-1: (["on the left", "on the left side"], ["左边", "左侧"]), 1: (["on the right", "on the right side"], ["右边", "右侧"]),
               0: (["in the middle", "in the center"], ["中间", "正中间"])}
PLURAL = {"bananas", "grapes", "blueberries", "cherries", "pancakes", "noodles", "french fries", "fries", "flowers", "glasses",
          "eyeglasses", "headphones", "books", "scissors"}
MASS = {"popcorn", "bread", "garlic", "broccoli", "corn", "cheese", "salad", "green salad", "sushi", "honey", "milk", "coffee",
        "wine", "beer", "bubble tea", "milk tea", "luggage", "fire", "soap", "chocolate", "planet earth", "earth", "Saturn"}
OPENINGS_EN = ["", "", "", "", "", "a picture of ", "a photo of ", "a 3d render of ", "an image of ", "draw ", "please draw ", "show me ",
               "I want ", "a cute picture of ", "paint ", "give me ", "could you draw ", "can you make "]
OPENINGS_ZH = ["", "", "", "", "", "画", "画一张", "请画", "我想要", "生成", "来一张", "一张图：", "帮我画", "给我", "麻烦画", "能不能画"]
ENDINGS_ZH = ["", "", "", "", "的图片", "的照片", "的3D图"]

# Words people add out of habit. They change nothing, and captions with many of them need 64 tokens.
HABITS_EN = ["high quality", "highly detailed", "masterpiece", "best quality", "4k", "8k", "sharp focus", "professional", "beautiful", "cute",
             "product photo", "studio photo", "3d render", "octane render", "digital art", "clean composition", "e-commerce picture",
             "for an online shop", "advertising photo", "very nice", "realistic", "trending", "icon", "emoji style", "no text", "centered"]
HABITS_ZH = ["高清", "高质量", "精致", "细节丰富", "杰作", "最佳质量", "超清", "专业摄影", "产品图", "电商主图", "商品图", "广告图", "三维渲染",
             "可爱风格", "简洁", "教学用图", "好看一点", "清晰", "没有文字", "写实", "卡通风格", "构图干净"]


@dataclass(frozen=True)
class Said:
    """What a caption tells apart from the objects; the rest is left to the noise."""

    colour: bool = True
    light: bool = True
    size: bool = False
    place: bool = False


def with_article(phrase: str, name: str, rng: random.Random) -> str:
    roll = rng.random()
    if name in PLURAL:
        return phrase if roll < 0.7 else ("some " if roll < 0.9 else "the ") + phrase
    if name in MASS and roll < 0.6:
        return phrase
    if roll < 0.2:
        return phrase
    if roll < 0.3:
        return "the " + phrase
    vowel = phrase[0].lower() in "aeiou" and not phrase.lower().startswith(("ufo", "uni", "eu"))
    return ("an " if vowel and rng.random() < 0.8 else "a ") + phrase


def object_en(place: Placement, said: Said, rng: random.Random) -> str:
    names = OBJECTS[place.object]["en"]
    name = names[0] if rng.random() < 0.5 else rng.choice(names)
    words = [name]
    if place.tint:
        words.insert(0, rng.choice(COLOUR_NAMES[place.tint][0]))
    if said.size and SIZE_WORDS[place.size][0]:
        words.insert(0, rng.choice(SIZE_WORDS[place.size][0]))
    elif rng.random() < 0.05:
        words.insert(0, "cute")
    return with_article(" ".join(words), name, rng)


def object_zh(place: Placement, said: Said, rng: random.Random) -> str:
    entry = OBJECTS[place.object]
    name = entry["zh"][0] if rng.random() < 0.5 else rng.choice(entry["zh"])
    if place.tint:
        tint = rng.choice(COLOUR_NAMES[place.tint][1])
        name = (tint + "的" if rng.random() < 0.6 else tint) + name
    if said.size and SIZE_WORDS[place.size][1]:
        name = rng.choice(SIZE_WORDS[place.size][1]) + name
    elif rng.random() < 0.04:
        name = "可爱的" + name
    if rng.random() < 0.5 and not name.startswith("一"):
        name = "一" + (entry["measure"] if rng.random() < 0.8 else "个") + name
    return name


def background_en(colour: str | None, light: str | None, rng: random.Random) -> tuple[str, str]:
    """A phrase that follows the objects ("on a red background") and one that stands alone ("red background")."""
    light_adjective = rng.choice(LIGHT_WORDS[light][0]) if light else ""
    light_phrase = rng.choice(LIGHT_WORDS[light][1]) if light else ""
    if not colour:
        return (f" with {light_phrase}" if light else "", light_phrase)
    name = rng.choice(COLOUR_NAMES[colour][0])
    noun = rng.choice(["background"] * 6 + ["backdrop", "wall"])
    if light and rng.random() < 0.5:
        described = f"{light_adjective} {name}" if rng.random() < 0.6 else f"{name} {light_adjective}"
        return rng.choice([" on a ", " on a ", " with a ", " against a ", " in front of a "]) + f"{described} {noun}", f"{described} {noun}"
    tail = f", {light_phrase}" if light else ""
    link = rng.choice([" on a ", " on a ", " on a ", " with a ", " against a ", " in front of a ", " on the "])
    following = f" on {name}" if rng.random() < 0.15 else f"{link}{name} {noun}"
    alone = f"{name} {noun}"
    if rng.random() < 0.3:
        alone = rng.choice([f"the {noun} is {name}", f"{noun}: {name}", f"make the {noun} {name}", f"{name} as the {noun}", f"{noun} in {name}",
                            f"everything behind it is {name}"])
    return following + tail, alone + tail


def background_zh(colour: str | None, light: str | None, rng: random.Random) -> tuple[str, str]:
    """A phrase that precedes the objects ("红色背景上的") and one that stands alone ("红色背景")."""
    light_phrase = rng.choice(LIGHT_WORDS[light][2]) if light else ""
    if not colour:
        return (f"{light_phrase}下的" if light else "", light_phrase)
    name = rng.choice(COLOUR_NAMES[colour][1])
    inside = light is not None and rng.random() < 0.4
    alone = rng.choice([f"{name}背景", f"{name}的背景", f"背景是{name}", f"{name}背景", f"背景{name}", f"{name}底"])
    if rng.random() < 0.3:
        alone = rng.choice([f"背景为{name}", f"背景颜色是{name}", f"背景色{name}", f"用{name}做背景", f"以{name}为背景", f"后面是{name}"])
    if inside:
        alone = rng.choice([f"{name}{light_phrase}背景", f"{light_phrase}{name}背景", f"{light_phrase}的{name}背景"])
    elif light:
        alone += rng.choice(["，", " ", "，带"]) + light_phrase
    before = rng.choice([f"{name}背景上的", f"{name}背景下的", f"{name}背景的", f"{name}底的", f"在{name}背景上的", f"{name}背景前的", f"{name}背景前有"])
    if light:
        before = light_phrase + rng.choice(["，", "下，", "的"]) + before
    return before, alone


def pair_en(left: str, right: str, rng: random.Random) -> str:
    return rng.choice([
        f"{left} and {right}", f"{left} next to {right}", f"{left} to the left of {right}", f"{right} to the right of {left}",
        f"{left} on the left and {right} on the right", f"{left} beside {right}", f"{left} left of {right}",
    ])


def pair_zh(left: str, right: str, rng: random.Random) -> str:
    return rng.choice([
        f"{left}和{right}", f"{left}与{right}", f"{left}在{right}的左边", f"{right}在{left}的右边", f"{right}左边是{left}",
        f"左边是{left}，右边是{right}", f"左边{left}，右边{right}",
    ])


def caption(places: list[Placement], colour: str, light: str, said: Said, language: str, rng: random.Random) -> str:
    """One caption of a scene; `language` is "en" or "zh"."""
    told_colour, told_light = colour if said.colour else None, light if said.light else None
    column = (places[0].column > 0) - (places[0].column < 0)
    told_place = rng.choice(PLACE_WORDS[column][language == "zh"]) if said.place and len(places) == 1 else ""
    if language == "en":
        text = caption_en(places, told_colour, told_light, told_place, said, rng)
    else:
        text = caption_zh(places, told_colour, told_light, told_place, said, rng)
    return with_habits(text, language, rng) if rng.random() < 0.15 else text


def with_habits(text: str, language: str, rng: random.Random) -> str:
    words = rng.sample(HABITS_EN if language == "en" else HABITS_ZH, rng.choice([1, 1, 2, 3, 4, 6, 8]))
    comma = ", " if language == "en" else rng.choice(["，", "，", " ", ","])
    pieces = [text.rstrip(".。"), comma.join(words)]
    if rng.random() < 0.15:
        pieces.reverse()
    return comma.join(pieces)


def caption_en(places, colour, light, place, said, rng) -> str:
    things = [object_en(one, said, rng) for one in places]
    thing = pair_en(*things, rng) if len(things) == 2 else things[0]
    following, alone = background_en(colour, light, rng)
    if not alone:
        order = f"{thing} {place}".strip()
    elif rng.random() < 0.5:
        order = f"{thing} {place}".strip() + following
    else:
        pieces = [thing, alone] + ([place] if place else [])
        if rng.random() < 0.35:
            rng.shuffle(pieces)
        order = ", ".join(pieces)
    text = (rng.choice(OPENINGS_EN) if rng.random() < 0.4 and order.startswith(thing) else "") + order
    roll = rng.random()
    text = text[0].upper() + text[1:] if roll < 0.15 else text.lower() if roll < 0.3 else text
    return re.sub(r" +", " ", text) + ("." if rng.random() < 0.12 else "")


def caption_zh(places, colour, light, place, said, rng) -> str:
    things = [object_zh(one, said, rng) for one in places]
    thing = pair_zh(*things, rng) if len(things) == 2 else things[0]
    if place:
        thing = rng.choice([f"{place}的{thing}", f"{thing}在{place}", f"{place}有{thing}"])
    before, alone = background_zh(colour, light, rng)
    if not alone:
        order = thing
    elif before and rng.random() < 0.4:
        order = before + thing
    else:
        pieces = [thing, alone]
        if rng.random() < 0.35:
            pieces.reverse()
        order = rng.choice(["，", "，", "，", " ", "。", ","]).join(pieces)
    text = (rng.choice(OPENINGS_ZH) if rng.random() < 0.4 else "") + order
    if rng.random() < 0.2 and text.endswith(thing):
        text += rng.choice(ENDINGS_ZH)
    return text + ("。" if rng.random() < 0.12 else "")
