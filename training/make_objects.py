"""Writes objects.json, the objects the demo model knows, from objects.tsv and the file names of the npm packages.

    DEMO_ASSETS=node_modules python make_objects.py
"""
from __future__ import annotations

import json
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent


def picture_stems(modules: Path) -> dict[str, str]:
    """File stem of each picture by emojibase label."""
    stems = {path.stem for path in (modules / "@lobehub/fluent-emoji-3d/assets").glob("*.webp")}
    found = {}
    for entry in json.loads((modules / "emojibase-data/en/data.json").read_text(encoding="utf-8")):
        code = entry["hexcode"].lower()
        for stem in (code, code.replace("-fe0f", ""), code + "-fe0f"):
            if stem in stems:
                found[entry["label"]] = stem
                break
    return found


def main() -> None:
    stems = picture_stems(Path(os.environ.get("DEMO_ASSETS", "node_modules")))
    objects = []
    for line in (HERE / "objects.tsv").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        label, english, chinese, measure = line.split("\t")
        objects.append({"file": stems[label], "en": english.split("/"), "zh": chinese.split("/"), "measure": measure})
    for language in ("en", "zh"):
        names = [name.lower() for entry in objects for name in entry[language]]
        doubled = sorted({name for name in names if names.count(name) > 1})
        assert not doubled, f"names of two objects: {doubled}"
    text = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in objects)
    (HERE / "objects.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(len(objects), "objects")


if __name__ == "__main__":
    main()
