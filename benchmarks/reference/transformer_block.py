"""One block of the Z-Image transformer in diffusers: reads one request a line, answers one line with the seconds of a forward."""
import json
import os
import sys
import time

import torch

torch.set_num_threads(int(os.environ.get("THREADS", "2")))
from diffusers.models.transformers.transformer_z_image import ZImageTransformerBlock  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402


def load(folder, dim, heads):
    """Weights and inputs that the benchmark wrote."""
    with torch.device("meta"):
        block = ZImageTransformerBlock(1, dim, heads, heads, 1e-5, True)
    weights = load_file(f"{folder}/diffusion_pytorch_model.safetensors")
    state = {name.removeprefix("layers.1."): tensor for name, tensor in weights.items()}
    block.load_state_dict(state, strict=True, assign=True)
    return block.eval(), load_file(f"{folder}/inputs.safetensors")


def main():
    folder, dim, heads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    block, inputs = load(folder, dim, heads)
    freqs = torch.complex(inputs["cos"], inputs["sin"])
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for _ in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            output = block(inputs["tokens"], None, freqs, inputs["time"])
        answer = {"seconds": time.perf_counter() - start, "cpuSeconds": time.process_time() - cpu}
        save_file({"output": output.contiguous()}, f"{folder}/expected.safetensors")
        print(json.dumps(answer), flush=True)


main()
