"""What a client with OpenAI's own package does: python openai_client.py <url> <key>. Ends with an error at the first surprise."""

import base64
import io
import json
import struct
import sys
import time
import urllib.request
import zlib

import openai

url, key = sys.argv[1:3]
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
small = {"size": "64x64", "extra_body": {"num_inference_steps": 2, "seed": 3}}
PNG = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int) -> bytes:
    """A blue picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x30\x50\xc0" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def raises(kind: type, work, **expected: object) -> None:
    try:
        work()
    except kind as error:
        for name, value in expected.items():
            assert getattr(error, name) == value, (name, getattr(error, name), value)
        assert error.request_id, "an error without a request id"
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def generate() -> None:
    answer = client.images.generate(model="gpt-image-1", prompt="a cup", n=2, **small)
    assert [base64.b64decode(one.b64_json)[:8] for one in answer.data] == [PNG, PNG]
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    assert (answer.size, answer.output_format, answer.background) == ("64x64", "png", "opaque")
    by_address = client.images.generate(model="dall-e-3", prompt="a cup", **small)
    assert urllib.request.urlopen(by_address.data[0].url).read()[:8] == PNG


def edit() -> None:
    image = ("image.png", io.BytesIO(png(64, 64)), "image/png")
    answer = client.images.edit(image=image, prompt="a leaf", extra_body={"strength": 0.4})
    assert base64.b64decode(answer.data[0].b64_json)[:8] == PNG
    images = [("a.png", png(64, 64), "image/png"), ("b.png", png(64, 64), "image/png")]
    raises(openai.BadRequestError, lambda: client.images.edit(image=images, prompt="both"), param="image")


def stream() -> None:
    events = list(client.images.generate(prompt="a tree", stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert all(base64.b64decode(event.b64_json) for event in events)


def models() -> None:
    names = [model.id for model in client.models.list()]
    assert "demo" in names and "gpt-image-1" in names, names
    assert client.models.retrieve("demo").owned_by == "imagemill"


def errors() -> None:
    draw = client.images.generate
    raises(openai.NotFoundError, lambda: draw(prompt="x", model="flux"), code="model_not_found", param="model")
    raises(openai.BadRequestError, lambda: draw(prompt=""), param="prompt", type="invalid_request_error")
    raises(openai.BadRequestError, lambda: draw(prompt="x", background="transparent"), param="background")
    stranger = openai.OpenAI(base_url=f"{url}/v1", api_key="sk-unknown", max_retries=0)
    raises(openai.AuthenticationError, lambda: stranger.models.list(), code="invalid_api_key")


def files_and_batch() -> None:
    def line(name: str, **body: object) -> str:
        request = {"prompt": name, "size": "64x64", "num_inference_steps": 1, **body}
        return json.dumps({"custom_id": name, "method": "POST", "url": "/v1/images/generations", "body": request})

    content = "\n".join([line("one"), line("two"), line("bad", n=99)]).encode()
    expires = {"anchor": "created_at", "seconds": 3600}
    file = client.files.create(file=("lines.jsonl", content), purpose="batch", expires_after=expires)
    assert (file.bytes, file.status, file.expires_at - file.created_at) == (len(content), "processed", 3600)
    assert client.files.content(file.id).read() == content
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/images/generations",
        completion_window="24h",
        metadata={"who": "python"},
    )
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    counts = batch.request_counts
    assert (batch.status, counts.total, counts.completed, counts.failed) == ("completed", 3, 2, 1), batch
    assert batch.usage.output_tokens > 0 and batch.metadata == {"who": "python"}
    answers = [json.loads(text) for text in client.files.content(batch.output_file_id).text.splitlines()]
    assert sorted(answer["custom_id"] for answer in answers) == ["one", "two"]
    picture = urllib.request.urlopen(answers[0]["response"]["body"]["data"][0]["url"]).read()
    assert picture[:8] == PNG
    [refused] = [json.loads(text) for text in client.files.content(batch.error_file_id).text.splitlines()]
    assert refused["response"]["status_code"] == 400 and refused["response"]["body"]["error"]["param"] == "n"
    assert client.batches.list(limit=1).data[0].id == batch.id
    assert {one.id for one in client.files.list(limit=1)} >= {file.id, batch.output_file_id, batch.error_file_id}
    raises(openai.ConflictError, lambda: client.batches.cancel(batch.id))
    assert client.files.delete(file.id).deleted
    raises(openai.NotFoundError, lambda: client.files.retrieve(file.id), code="file_not_found")


for step in (generate, edit, stream, models, errors, files_and_batch):
    step()
    print(step.__name__, flush=True)
