"""The demo model in diffusers: reads one request a line (JSON), answers one line with the seconds from prompt to PNG bytes."""
import io
import json
import logging
import os
import sys
import time

import torch

torch.set_num_threads(int(os.environ.get("THREADS", "2")))
logging.disable(logging.WARNING)
from diffusers import ZImagePipeline  # noqa: E402  (the number of threads is set first)


def draw(pipeline, prompts, seed):
    """Prompt to PNG bytes, all in one batch."""
    generators = [torch.Generator().manual_seed(seed + index) for index in range(len(prompts))]
    images = pipeline(prompt=prompts, height=256, width=256, num_inference_steps=8, guidance_scale=0.0, generator=generators).images
    for image in images:
        image.save(io.BytesIO(), format="PNG")


def main():
    pipeline = ZImagePipeline.from_pretrained(sys.argv[1], torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        draw(pipeline, request["prompts"], request["seed"])
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


main()
