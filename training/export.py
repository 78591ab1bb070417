"""Writes the checkpoint in the layout of diffusers' ZImagePipeline.

    python export.py --work work --out ../models/demo
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from autoencoder import build
from networks import Shape, TextEncoder, Transformer, official_text_encoder, official_transformer
from tokenizer import CaptionTokens


def load_networks(path: Path, averaged: bool = True) -> tuple[TextEncoder, Transformer]:
    """Both networks of a training state, with the average of their weights unless told otherwise."""
    state = torch.load(path)
    shape = Shape(**{key: tuple(value) if isinstance(value, list) else value for key, value in state["shape"].items()})
    text, transformer = TextEncoder(shape), Transformer(shape)
    weights = {name: value.float() for name, value in state["average" if averaged else "weights"].items()}
    for prefix, network in (("text.", text), ("transformer.", transformer)):
        network.load_state_dict({name[len(prefix):]: value for name, value in weights.items() if name.startswith(prefix)})
    print("examples seen", state["seen"])
    return text.eval(), transformer.eval()


def load_autoencoder(work: Path):
    autoencoder = build().eval()
    for half in ("encoder", "decoder"):
        path = work / f"{half}.pt"
        if path.exists():
            getattr(autoencoder, half).load_state_dict(torch.load(path)["average"])
        else:
            print("no", path, "- this half is untrained")
    return autoencoder


@torch.no_grad()
def main() -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default="work", help="folder with transformer.pt, encoder.pt, decoder.pt and tokenizer/")
    parser.add_argument("--transformer", default="", help="another training state than work/transformer.pt")
    parser.add_argument("--out", required=True)
    parser.add_argument("--raw", action="store_true", help="the last weights instead of their average")
    args = parser.parse_args()
    torch.set_num_threads(1)
    work = Path(args.work)
    text, transformer = load_networks(Path(args.transformer or work / "transformer.pt"), not args.raw)
    pipeline = ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0, use_dynamic_shifting=False),
        vae=load_autoencoder(work).half(), text_encoder=official_text_encoder(text).half(),
        tokenizer=CaptionTokens(str(work / "tokenizer")).tokenizer, transformer=official_transformer(transformer).half(),
    )
    pipeline.save_pretrained(args.out)
    total = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(args.out) for name in names)
    print("bytes", total, "of at most 40000000")


if __name__ == "__main__":
    main()
