"""env.KV in a handler, through the official SDK, against a namespace on disk."""

from collections.abc import Callable

import pytest

from paddock.worker.testing import Paddock

from .snippets import SNIPPETS

SOURCE = f"""{SNIPPETS}
import json
from js import JSON, Object, ReadableStream, TransformStream, Uint8Array
from pyodide.ffi import JsException, create_proxy, jsnull, to_js

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        try:
            return Response.json(await self.run(request, self=self, kv=self.env.KV, request=request))
        except JsException as error:
            return Response.json([error.name, error.message])
"""
SETTINGS = {"kv_namespaces": [{"binding": "KV", "id": "test"}]}
pytestmark = pytest.mark.paddock(source=SOURCE, settings=SETTINGS)


@pytest.fixture
def ask(run_code) -> Callable[..., object]:
    """`ask(code)`: the JSON that the code returns. Several calls in one test see the same namespace."""
    return lambda code, *, sent=b"": run_code(code, content=sent).json()


def test_values_come_back_as_every_type(ask) -> None:
    """The SDK's conversions: text, JSON as JsDict, bytes as memoryview, streams raw."""
    body = """
    await kv.put("text", "héllo")
    await kv.put("json", json.dumps({"a": [1, None, "x"], "ü": True}))
    data = await kv.get("json", "json")
    buffer = await kv.get("text", "arrayBuffer")
    stream = await kv.get("text", {"type": "stream", "cacheTtl": 60})
    pieces = [chunk.to_bytes() async for chunk in stream]
    return [
        await kv.get("text"), await kv.get("text", type="text"), data, data.a[0], isinstance(buffer, memoryview),
        bytes(buffer).decode(), b"".join(pieces).decode(), await kv.get("missing"), await kv.get("missing", "json"),
    ]
    """
    data = {"a": [1, None, "x"], "ü": True}
    assert ask(body) == ["héllo", "héllo", data, 1, True, "héllo", "héllo", None, None]


def test_values_may_be_strings_bytes_and_streams(ask) -> None:
    body = """
    await kv.put("bytes", b"\\x00\\xff")
    await kv.put("view", memoryview(b"view"))
    await kv.put("empty", "")
    await kv.put("number", 12.5)
    await kv.put("request", request.body)
    pair = TransformStream.new()
    writer = pair.writable.getWriter()
    writing = [writer.write(to_js(b"one ")), writer.write(to_js(b"two")), writer.close()]
    await kv.put("stream", pair.readable)
    values = [await kv.get(name) for name in ("view", "empty", "number", "request", "stream")]
    return [list(bytes(await kv.get("bytes", "arrayBuffer"))), *values]
    """
    assert ask(body, sent=b"from the client") == [[0, 255], "view", "", "12.5", "from the client", "one two"]


def test_a_large_body_goes_to_kv_and_back_without_entering_the_isolate(ask) -> None:
    sent = bytes(range(256)) * 8192
    put = "await kv.put('large', request.body)\nreturn len(await kv.get('large', 'arrayBuffer'))"
    assert ask(put, sent=sent) == len(sent)
    body = """
    stream = await kv.get("large", "stream")
    data = b"".join([chunk.to_bytes() async for chunk in stream])
    again = await kv.get("large", "stream")
    await again.cancel()
    return [len(data), data == bytes(range(256)) * 8192]
    """
    assert ask(body) == [len(sent), True]


def test_metadata_and_expiration_are_kept(ask) -> None:
    body = """
    await kv.put("m", "v", metadata={"tag": "grün", "n": [1]}, expirationTtl=60)
    await kv.put("plain", "v", None)
    found = await kv.getWithMetadata("m")
    (listed,) = (await kv.list(prefix="m"))["keys"]
    plain, missing = await kv.getWithMetadata("plain"), await kv.getWithMetadata("missing", "json")
    return [found, listed.metadata, listed.expiration > 1_700_000_000, plain, missing]
    """
    metadata = {"tag": "grün", "n": [1]}
    none = {"metadata": None, "cacheStatus": None}
    assert ask(body) == [
        {"value": "v", "metadata": metadata, "cacheStatus": None},
        metadata,
        True,
        {"value": "v", **none},
        {"value": None, **none},
    ]


def test_lists_come_in_pages_in_the_order_of_bytes(ask) -> None:
    body = """
    for name in ("p:ü", "p:b", "p:a", "q", "p:c"):
        await kv.put(name, "v")
    first = await kv.list({"prefix": "p:", "limit": 2})
    second = await kv.list(prefix="p:", limit=2, cursor=first["cursor"])
    everything = await kv.list(None)
    names = [[key["name"] for key in page["keys"]] for page in (first, second, everything)]
    return [names, [page.list_complete for page in (first, second, everything)], "cursor" in second, dict(second)]
    """
    names, complete, has_cursor, second = ask(body)
    assert names == [["p:a", "p:b"], ["p:c", "p:ü"], ["p:a", "p:b", "p:c", "p:ü", "q"]]
    assert (complete, has_cursor) == ([False, True, True], False)
    assert second == {"keys": [{"name": "p:c"}, {"name": "p:ü"}], "list_complete": True, "cacheStatus": None}


def test_several_keys_come_in_one_map(ask) -> None:
    body = """
    await kv.put("a", '{"x": 1}', metadata="m")
    await kv.put("b", "2")
    await kv.put("7", "workerd skips names that are array indexes")
    texts = await kv.get(["a", "b", "none", "7"])
    values = await kv.get(["a", "b"], "json")
    described = await kv.getWithMetadata(["a", "b", "none"], type="json")
    return [texts, values, described]
    """
    assert ask(body) == [
        {"a": '{"x": 1}', "b": "2", "none": None},
        {"a": {"x": 1}, "b": 2},
        {"a": {"value": {"x": 1}, "metadata": "m"}, "b": {"value": 2, "metadata": None}, "none": None},
    ]


def test_deleted_keys_are_gone_and_deleting_none_is_no_error(ask) -> None:
    body = """
    await kv.put("a/b?c=d#é ", "odd")
    odd = await kv.get("a/b?c=d#é ")
    await kv.delete("a/b?c=d#é ")
    await kv.delete("never")
    return [odd, await kv.get("a/b?c=d#é "), len((await kv.list())["keys"])]
    """
    assert ask(body) == ["odd", None, 0]


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        ("get('')", "TypeError", "Key name cannot be empty."),
        ("put('.', 'v')", "TypeError", '"." is not allowed as a key name.'),
        ("delete('..')", "TypeError", '".." is not allowed as a key name.'),
        (
            "get('é' * 256 + 'x')",
            "Error",
            "KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
        ),
        (
            "put('k', 'v', expirationTtl=59)",
            "Error",
            "KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.",
        ),
        (
            "put('k', 'v', expirationTtl=None)",
            "Error",
            "KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.",
        ),
        (
            "put('k', 'v', expiration=1)",
            "Error",
            (
                "KV PUT failed: 400 Invalid expiration of 1. Please specify integer greater than the current number "
                "of seconds since the UNIX epoch."
            ),
        ),
        (
            "put('k', 'v', expiration=2**40)",
            "TypeError",
            "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
        ),
        (
            "put('k', 'v', metadata='m' * 1024)",
            "Error",
            "KV PUT failed: 413 Metadata length of 1026 exceeds limit of 1024.",
        ),
        (
            "put('k', {'a': 1})",
            "TypeError",
            "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.",
        ),
        (
            "put('k', 'v' * (25 * 1024 * 1024 + 1))",
            "Error",
            "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.",
        ),
        (
            "get('there', 'yaml')",
            "TypeError",
            'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
        ),
        (
            "get('there', cacheTtl=29)",
            "Error",
            "KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.",
        ),
        ("get('there', 'json')", "SyntaxError", "Unexpected token 'v', \"v\" is not valid JSON"),
        ("get(['there'] * 101)", "Error", "KV GET_BULK failed: 400 You can request a maximum of 100 keys"),
        ("get([])", "Error", "KV GET_BULK failed: 400 You must request a minimum of 1 key"),
        (
            "get(['there'], 'stream')",
            "Error",
            'KV GET_BULK failed: 400 "stream" is not a valid type. Use "json" or "text"',
        ),
        (
            "get(['there'], 'json')",
            "Error",
            "KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value",
        ),
        (
            "list(limit=1001)",
            "Error",
            "KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.",
        ),
    ],
)
def test_what_production_refuses_is_refused_in_its_words(ask, call: str, name: str, message: str) -> None:
    assert ask(f"await kv.put('there', 'v')\nreturn await kv.{call}") == [name, message]


def test_a_stream_that_fails_stores_nothing_and_its_error_is_the_puts(ask) -> None:
    body = """
    def pull(controller):
        raise ValueError("broken stream")
    stream = ReadableStream.new(pull=create_proxy(pull))
    try:
        await kv.put("k", stream)
    except ValueError as error:
        return [str(error), await kv.get("k")]
    """
    assert ask(body) == ["broken stream", None]


def test_a_stream_over_the_limit_is_counted_to_its_end(ask) -> None:
    body = """
    left = 30
    async def pull(controller):
        nonlocal left
        left -= 1
        controller.enqueue(Uint8Array.new(1024 * 1024)) if left >= 0 else controller.close()
    await kv.put("k", ReadableStream.new(pull=create_proxy(pull)))
    """
    assert ask(body) == ["Error", "KV PUT failed: 413 Value length of 31457280 exceeds limit of 26214400."]


def test_the_binding_is_no_collection(ask) -> None:
    """What the SDK's own tests ask of it."""
    body = """
    said = []
    for attempt in (iter, len):
        try:
            list(attempt(kv)) if attempt is iter else attempt(kv)
        except TypeError as error:
            said.append(str(error))
    return said
    """
    assert ask(body) == ["'KvNamespace' object is not iterable", "'KvNamespace' object has no len()"]


OLD = """
from js import JSON, Object, Response
from pyodide.ffi import to_js

async def on_fetch(request, env):
    kv = env.KV
    await kv.put("k", '{"a": null}', to_js({"metadata": {"x": 1}}, dict_converter=Object.fromEntries))
    value, found, page = await kv.get("k", "json"), await kv.getWithMetadata("k"), await kv.list()
    many = await kv.get(to_js(["k", "none"]))
    data = (await kv.get("k", "arrayBuffer")).to_bytes()
    parts = [value.a, value.to_py(), found.metadata.x, await kv.get("none"), page.keys[0].name, dict(many.to_py())]
    return Response.new(repr([*parts, data]))
"""


@pytest.mark.paddock(source=OLD, settings={**SETTINGS, "compatibility_date": "2025-03-01"})
def test_older_handlers_see_the_bindings_own_values(worker: Paddock) -> None:
    """A raw env, where null is None before Python 3.13."""
    many = {"k": '{"a": null}', "none": None}
    seen = [None, {"a": None}, 1, None, "k", many, b'{"a": null}']
    assert worker.fetch("/").result().text == repr(seen)


def test_newer_handlers_see_jsnull_in_the_raw_environment(ask) -> None:
    """The SDK makes None of it, `env._env` does not."""
    body = """
    raw = self.env._env.KV
    return [(await raw.get("none")) is jsnull, (await raw.getWithMetadata("none")).value is jsnull]
    """
    assert ask(body) == [True, True]
