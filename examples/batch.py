"""Hands in many requests as one file (OpenAI's Batch API), waits, and saves the pictures: python examples/batch.py"""

import json
import os
import time
import urllib.request

from openai import OpenAI

server = os.environ.get("IMAGEMILL_SERVER", "http://127.0.0.1:7860")
# A server of this machine needs no key; the package wants one all the same.
key = os.environ.get("IMAGEMILL_KEY", "none")
client = OpenAI(base_url=f"{server}/v1", api_key=key)

colours = ["red", "green", "blue"]
lines = [
    json.dumps(
        {
            "custom_id": colour,
            "method": "POST",
            "url": "/v1/images/generations",
            "body": {"prompt": f"a {colour} apple on a white background"},
        }
    )
    for colour in colours
]
file = client.files.create(file=("apples.jsonl", "\n".join(lines).encode()), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint="/v1/images/generations", completion_window="24h")
while batch.status not in ("completed", "failed", "expired", "cancelled"):
    time.sleep(1)
    batch = client.batches.retrieve(batch.id)
print(batch.status, batch.request_counts.completed, "of", batch.request_counts.total)

if batch.output_file_id is not None:
    for line in client.files.content(batch.output_file_id).text.splitlines():
        answer = json.loads(line)
        # Answered by address, so that no file holds thousands of pictures; it opens without a key for a while.
        url = answer["response"]["body"]["data"][0]["url"]
        name = f"{answer['custom_id']}.png"
        urllib.request.urlretrieve(url, name)
        print(name)
