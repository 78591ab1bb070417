"""Draws a picture with OpenAI's own package: pip install openai, then python examples/generate.py "a red apple"."""

import base64
import os
import sys

from openai import OpenAI

server = os.environ.get("IMAGEMILL_SERVER", "http://127.0.0.1:7860")
# A server of this machine needs no key; the package wants one all the same.
key = os.environ.get("IMAGEMILL_KEY", "none")
client = OpenAI(base_url=f"{server}/v1", api_key=key)

answer = client.images.generate(
    prompt=sys.argv[1] if len(sys.argv) > 1 else "a red apple on a blue background",
    output_format="png",
    extra_body={"seed": 7},
)
name = f"{answer.created}.png"
with open(name, "wb") as file:
    file.write(base64.b64decode(answer.data[0].b64_json))
print(name)
