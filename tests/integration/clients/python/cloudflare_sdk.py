"""Cloudflare's SDK for Python. `url` is Paddock's address in every call."""

import asyncio
from pathlib import Path

import httpx
from cloudflare import AsyncCloudflare, Cloudflare


def client(url, token="any", max_retries=0):
    """A refused call is not tried again unless a test says so, so that its error is the answer."""
    return Cloudflare(base_url=f"{url}/client/v4", api_token=token, max_retries=max_retries)


def run(url, model, token="any", max_retries=0, **inputs):
    return client(url, token, max_retries).ai.run(model, account_id="a", **inputs)


def models(url, **filters):
    return [model["name"] for model in client(url).ai.models.list(account_id="a", **filters)]


def schema(url, model):
    return client(url).ai.models.schema.get(account_id="a", model=model).input.to_dict()


def finetune(url, model, name, folder):
    """Create a finetune, fill it with the files of a folder, and list the names that there are."""
    finetunes = client(url).ai.finetunes
    made = finetunes.create(account_id="a", model=model, name=name)
    for file in sorted(Path(folder).glob("adapter_*")):
        finetunes.assets.create(made.id, account_id="a", file=file.read_bytes(), file_name=file.name)
    return [row.name for row in finetunes.list(account_id="a")]


def tasks(url):
    return [task["name"] for task in client(url).ai.tasks.list(account_id="a")]


def authors(url):
    return [author["name"] for author in client(url).ai.authors.list(account_id="a")]


def formats(url):
    return [item.extension for item in client(url).ai.to_markdown.supported(account_id="a")]


def convert(url, files):
    """Files as Markdown, by the client's own `post` and with the field name that it gives an array: see `transform`."""
    parts = [("files[]", (file["name"], file["text"].encode(), file["type"])) for file in files]
    headers = {"Content-Type": "multipart/form-data"}
    post = client(url).post
    reply = post("/accounts/a/ai/tomarkdown", cast_to=httpx.Response, files=parts, options={"headers": headers})
    return reply.json()["result"]


def transform(url, files):
    parts = [(file["name"], file["text"].encode(), file["type"]) for file in files]
    return client(url).ai.to_markdown.transform(account_id="a", file={"files": parts})


async def parallel(url, count, model, **inputs):
    async with AsyncCloudflare(base_url=f"{url}/client/v4", api_token="any") as cloudflare:
        calls = (cloudflare.ai.run(model, account_id="a", **inputs) for _ in range(count))
        return [answer["response"] for answer in await asyncio.gather(*calls)]
