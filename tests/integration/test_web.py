"""The Web platform in a real isolate, seen by who sends it requests."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from paddock.worker.testing import Paddock

HANDLER = """
from js import (
    CompressionStream, FixedLengthStream, HTMLRewriter, Response as JsResponse, Uint8Array, caches, crypto, scheduler,
    setTimeout, structuredClone, Object,
)
from pyodide.ffi import create_proxy, to_js
from workers import Response, WorkerEntrypoint


class Titles:
    async def element(self, element):
        element.setInnerContent("New <title>")


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await getattr(self, request.url.rpartition("/")[2])(request)

    async def digest(self, request):
        digest = await crypto.subtle.digest("SHA-256", await request.buffer())
        return Response(digest.to_bytes().hex())

    async def encrypt(self, request):
        key = await crypto.subtle.importKey("raw", to_js(bytes(16)), "AES-GCM", False, to_js(["encrypt", "decrypt"]))
        params = to_js({"name": "AES-GCM", "iv": bytes(12)}, dict_converter=Object.fromEntries)
        secret = await crypto.subtle.encrypt(params, key, await request.buffer())
        return Response((await crypto.subtle.decrypt(params, key, secret)).to_bytes())

    async def cached(self, request):
        found = await caches.default.match(request.url)
        if found:
            return Response(found)
        made = JsResponse.new("made", headers=to_js({"cache-control": "max-age=60"}, dict_converter=Object.fromEntries))
        await caches.default.put(request.url, made.clone())
        return Response(made)

    async def packed(self, request):
        return Response(request.body.pipeThrough(CompressionStream.new("gzip")))

    async def fixed(self, request):
        stream = FixedLengthStream.new(6)

        async def write():
            writer = stream.writable.getWriter()
            for part in (b"abc", b"def"):
                await writer.write(to_js(part))
            await writer.close()

        self.ctx.waitUntil(write())
        return Response(stream.readable)

    async def page(self, request):
        page = JsResponse.new("<html><title>Old</title></html>")
        return Response(HTMLRewriter.new().on("title", create_proxy(Titles())).transform(page))

    async def clone(self, request):
        copy = structuredClone(to_js({"list": [1, {"a": None}]}, dict_converter=Object.fromEntries))
        return Response.json(copy.to_py())

    async def bare(self, request):
        setTimeout(lambda: None, 0)
        await scheduler.wait(1)
        return Response("set")
"""


pytestmark = pytest.mark.paddock(source=HANDLER)


def test_the_platform_in_answers(client: httpx.Client) -> None:
    assert client.post("/digest", content=b"abc").text == hashlib.sha256(b"abc").hexdigest()
    assert client.post("/encrypt", content=b"secret").content == b"secret"
    packed = client.post("/packed", content=b"light" * 1000)
    assert gzip.decompress(packed.content) == b"light" * 1000
    assert client.get("/fixed").content == b"abcdef"
    assert client.get("/page").text == "<html><title>New &lt;title&gt;</title></html>"
    assert client.get("/clone").json() == {"list": [1, {"a": None}]}


def test_a_cached_response_outlives_its_request(client: httpx.Client) -> None:
    first, second = client.get("/cached"), client.get("/cached")
    assert [first.text, first.headers.get("cf-cache-status")] == ["made", None]
    assert [second.text, second.headers.get("cf-cache-status")] == ["made", "HIT"]


def test_a_callback_without_a_proxy_fails_in_the_log(worker: Paddock, capfd: pytest.CaptureFixture[str]) -> None:
    """PW-124"""
    assert worker.fetch("/bare").result().text == "set"
    worker.flush().result()
    assert "create_proxy or create_once_callable" in "".join(capfd.readouterr())
