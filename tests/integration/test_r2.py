"""env.BUCKET in a handler, through the official SDK, against a bucket on disk."""

import asyncio
import textwrap

import pytest

from paddock.bindings.r2.binding import R2Binding
from paddock.bindings.r2.store import R2Store

HANDLER = """
from js import Date, Headers
from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            found = await self.case(self.env.BUCKET, request)
            return found if isinstance(found, Response) else Response.json(found)
        except JsException as error:
            return Response.json(f"{error.name}: {error.message}")

    async def case(self, bucket, request):
"""


@pytest.fixture
def ask(serve, tmp_path):
    """`ask(body)`: the reply of a handler's code."""

    def locate(*place: str):
        path = (tmp_path / "bucket").joinpath(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(body: str, sent: bytes = b""):
        async def asked():
            source = HANDLER + textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
            async with serve(source, more={"BUCKET": R2Binding(R2Store(locate))}) as running:
                reply = await running.client.post("/", content=sent)
                assert reply.status_code == 200, reply.text
                return reply

        return asyncio.run(asked())

    return run


def test_a_body_goes_into_the_bucket_and_back_unread(ask) -> None:
    body = """
    await bucket.put("k", request.body, httpMetadata={"contentType": "image/png"})
    found = await bucket.get("k")
    headers = Headers.new()
    found.writeHttpMetadata(headers)
    headers.set("etag", found.httpEtag)
    return Response(found.body, headers=headers)
    """
    sent = bytes(range(256)) * 4096
    reply = ask(body, sent)
    assert reply.content == sent
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["etag"].strip('"').isalnum()


def test_an_object_tells_what_it_is(ask) -> None:
    body = """
    put = await bucket.put("k", b"123", customMetadata={"a": "b"}, httpMetadata={"cacheExpiry": Date.new(0)})
    head, got = await bucket.head("k"), await bucket.get("k", range=Headers.new({"range": "bytes=1-"}))
    return [put.etag, head.size, head.customMetadata, got.httpMetadata["cacheExpiry"].year, await got.text(),
            dict(got.range), bytes(put.checksums.md5).hex() == put.etag, put.storageClass, await bucket.head("none")]
    """
    etag = "202cb962ac59075b964b07152d234b70"
    assert ask(body).json() == [etag, 3, {"a": "b"}, 1970, "23", {"offset": 1, "length": 2}, True, "Standard", None]


def test_conditions_leave_the_content_out(ask) -> None:
    body = """
    first = await bucket.put("k", "123")
    same = await bucket.get("k", onlyIf={"etagDoesNotMatch": first.etag})
    headers = Headers.new({"if-none-match": first.httpEtag})
    return [same.etag == first.etag, hasattr(same._binding, "text"), await bucket.put("k", "4", onlyIf=headers),
            await (await bucket.get("k", onlyIf={"etagMatches": first.etag})).text()]
    """
    assert ask(body).json() == [True, False, None, "123"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ('bucket.put("k" * 1025, "x")', "Error: put: The specified object name is not valid. (10020)"),
        ('bucket.get("k", range={"offset": 9})', "Error: get: The requested range is not satisfiable (10039)"),
        (
            'bucket.get("k", range={"offset": -1})',
            "RangeError: Invalid range. Starting offset (-1) must be greater than or equal to 0.",
        ),
        ('bucket.get("k", range={"suffix": 1, "length": 1})', "TypeError: Suffix is incompatible with length."),
        ('bucket.put("k", "x", md5="00")', "TypeError: MD5 is 32 hex characters, not 2"),
        (
            'bucket.put("k", "x", md5="0" * 32, sha1="0" * 40)',
            "TypeError: You cannot specify multiple hashing algorithms.",
        ),
        (
            'bucket.resumeMultipartUpload("k", "none").uploadPart(0, "x")',
            "TypeError: Part number must be between 1 and 10000 (inclusive). Actual value was: 0",
        ),
        (
            'bucket.resumeMultipartUpload("k", "none").complete([])',
            "Error: completeMultipartUpload: The specified multipart upload does not exist. (10024)",
        ),
    ],
)
def test_what_is_refused_has_the_text_of_production(ask, code: str, text: str) -> None:
    assert ask(f'await bucket.put("k", "123")\nreturn await {code}').json() == text
