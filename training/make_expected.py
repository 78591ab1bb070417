"""Writes what the reference pipeline computes from a checkpoint in float32, for the runtime's tests to compare with.

    python make_expected.py --model ../models/demo --out ../tests/fixtures/demo-expected

For each case: `latents_in` (torch.randn on the CPU with the seed), `text_features`, `latents_out` after eight steps, `image` in 0..1
[1, 3, 256, 256]. One encoder case: `encode.picture`, uint8 [256, 256, 3], and `encode.mean`, the mean of its latents when the picture is
scaled to -1..1.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from evaluate import load_pipeline
from latents import to_tensor
from scenes import OBJECTS, Placement, render

CASES = [("a panda on a green background", 7), ("红色的汽车，蓝色背景", 8)]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="../models/demo")
    parser.add_argument("--out", default="../tests/fixtures/demo-expected")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = load_pipeline(args.model)
    channels = pipeline.transformer.config.in_channels
    tensors, described = {}, []
    for index, (prompt, seed) in enumerate(CASES):
        noise = torch.randn((1, channels, 16, 16), generator=torch.Generator().manual_seed(seed))
        features = pipeline.encode_prompt(prompt, do_classifier_free_guidance=False)[0][0]
        latents = pipeline(prompt=prompt, height=256, width=256, num_inference_steps=8, guidance_scale=0.0, latents=noise.clone(), output_type="latent").images
        config = pipeline.vae.config
        decoded = pipeline.vae.decode(latents / config.scaling_factor + config.shift_factor, return_dict=False)[0]
        tensors |= {
            f"case{index}.latents_in": noise, f"case{index}.text_features": features, f"case{index}.latents_out": latents,
            f"case{index}.image": (decoded / 2 + 0.5).clamp(0, 1),
        }
        described.append({"case": index, "prompt": prompt, "seed": seed, "steps": 8, "guidance_scale": 0, "width": 256, "height": 256})
    panda = next(index for index, entry in enumerate(OBJECTS) if entry["en"][0] == "panda")
    picture = render([Placement(panda)], "sky", "spot")
    tensors["encode.picture"] = torch.from_numpy(picture)
    tensors["encode.mean"] = pipeline.vae.encode(to_tensor([picture])).latent_dist.mean
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, str(folder / "expected.safetensors"))
    (folder / "expected.json").write_text(json.dumps(described, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print({name: list(tensor.shape) for name, tensor in tensors.items()})


if __name__ == "__main__":
    main()
