"""env.BUCKET in a handler, through the official SDK, against a bucket on disk."""

from collections.abc import Callable

import httpx
import pytest

from .snippets import SNIPPETS

SOURCE = f"""{SNIPPETS}
from js import Date, Headers
from pyodide.ffi import JsException

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        try:
            found = await self.run(request, bucket=self.env.BUCKET, request=request)
            return found if isinstance(found, Response) else Response.json(found)
        except JsException as error:
            return Response.json(f"{{error.name}}: {{error.message}}")
"""
SETTINGS = {"r2_buckets": [{"binding": "BUCKET", "bucket_name": "test"}]}
pytestmark = pytest.mark.paddock(source=SOURCE, settings=SETTINGS)


@pytest.fixture
def ask(run_code) -> Callable[..., httpx.Response]:
    """`ask(code)`: the response that the code makes."""
    return lambda code, sent=b"": run_code(code, content=sent)


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
