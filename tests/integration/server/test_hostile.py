"""Requests that nobody sends in earnest, at every door: each is refused with a reason, and the next one is answered."""

import asyncio
import itertools

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine

PHI = b"@cf/microsoft/phi-2"
API = b"/client/v4/accounts/a/ai/"
WIRE = b"/cdn-cgi/local/ai/binding"
#: Door -> path, further headers, and what stands around the inputs.
DOORS = {
    "rest": (API + b"run/" + PHI, b"", b"%s"),
    "named": (API + b"run", b"", b'{"model":"' + PHI + b'","inputs":%s}'),
    "wire": (WIRE + b"/run?version=3", b"cf-consn-model-id: " + PHI + b"\r\n", b'{"inputs":%s,"options":{}}'),
    "gateway": (WIRE + b"/ai-gateway/run", b"cf-consn-model-id: " + PHI + b"\r\n", b'{"inputs":%s}'),
    "universal": (
        WIRE + b"/ai-gateway/universal/run/g",
        b"",
        b'[{"provider":"workers-ai","endpoint":"' + PHI + b'","query":%s}]',
    ),
    "chat": (
        API + b"v1/chat/completions",
        b"",
        b'{"model":"' + PHI + b'","messages":[{"role":"user","content":"x"}],"y":%s}',
    ),
    "completions": (API + b"v1/completions", b"", b'{"model":"' + PHI + b'","prompt":"x","y":%s}'),
    "responses": (API + b"v1/responses", b"", b'{"model":"' + PHI + b'","input":"x","y":%s}'),
}
BODIES = {
    "10,000 lists": b"[" * 10_000 + b"]" * 10_000,
    "10,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "200 lists": b'{"prompt":"x","z":' + b"[" * 200 + b"]" * 200 + b"}",
    "open lists": b"[" * 100_000,
    "NaN": b'{"prompt":"x","temperature":NaN}',
    "Infinity": b'{"prompt":"x","temperature":-Infinity}',
    "a lone surrogate": rb'{"prompt":"\ud800"}',
    "half a character": b'{"prompt":"\xf0\x9f"}',
    "a raw control character": b'{"prompt":"\x00"}',
    "5,000 digits": b'{"prompt":"x","seed":' + b"9" * 5_000 + b"}",
}
#: Members of inputs that only the doors to this model's own inputs refuse; the others must just answer.
MEMBERS = {
    "a wide seed": b'{"prompt":"x","seed":' + b"9" * 400 + b"}",
    "wide max_tokens": b'{"prompt":"x","max_tokens":' + b"9" * 400 + b"}",
    "a wide top_k": b'{"prompt":"x","top_k":' + b"9" * 400 + b"}",
    "a long token id": b'{"prompt":"x","logit_bias":{"' + b"9" * 5_000 + b'":1}}',
    "prompt and prompt": b'{"prompt":"x","prompt":5}',
    "a long prompt": b'{"prompt":"' + b"x" * 1_000_000 + b'"}',
    "100,000 messages": b'{"messages":[' + b",".join([b"{}"] * 100_000) + b"]}",
}
HEADERS = {
    "a header of 10 kB": (b"X-A: " + b"a" * 10_000, 200),
    "a header of 100 kB": (b"X-A: " + b"a" * 100_000, 200),
    "a header of 200 kB": (b"X-A: " + b"a" * 200_000, 431),
    "1,000 headers": (b"\r\n".join(b"X-%d: a" % i for i in range(1_000)), 200),
    "a token of bytes": (b"Authorization: Bearer " + b"\xff" * 500, 200),
    "no content type that there is": (b"Content-Type: \xff/\xfe; boundary=\x22", 200),
    "a form that is none": (b"Content-Type: multipart/form-data; boundary=x", 200),
    "bytes that are not packed": (b"Content-Encoding: gzip", 200),
    "a trace of no kind": (b"traceparent: 00-" + b"z" * 500, 200),
}
FINE = b'{"prompt":"x"}'


def post(path: bytes, headers: bytes, body: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n"
    return head % (path, headers, len(body)) + body


async def status(running, request: bytes) -> int:
    """The status of the answer, which has to come within five seconds: more is a hang."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.client.base_url.port)
    async with asyncio.timeout(5):
        writer.write(request)
        answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


def statuses(serve, requests: dict[str, bytes]) -> dict[str, int]:
    """What one server answers to each of them in turn, and to an ordinary request behind them."""

    async def run() -> dict[str, int]:
        async with serve(None, ScriptedEngine(itertools.repeat("fine"))) as running:
            found = {name: await status(running, request) for name, request in requests.items()}
            path, headers, _ = DOORS["rest"]
            assert await status(running, post(path, headers, FINE)) == 200
            return found

    return asyncio.run(run())


@pytest.mark.parametrize("door", DOORS)
def test_bodies_that_are_no_json_or_too_deep_are_refused(serve, door: str) -> None:
    path, headers, around = DOORS[door]
    found = statuses(serve, {name: post(path, headers, around % body) for name, body in BODIES.items()})
    assert found == dict.fromkeys(BODIES, 400)


@pytest.mark.parametrize("door", DOORS)
def test_inputs_out_of_all_bounds_are_answered(serve, door: str) -> None:
    path, headers, around = DOORS[door]
    found = statuses(serve, {name: post(path, headers, around % body) for name, body in MEMBERS.items()})
    assert set(found.values()) <= {200, 400}
    if door in ("rest", "named", "wire", "gateway", "universal"):
        assert found == dict.fromkeys(MEMBERS, 400)


def test_headers_are_taken_or_refused_whole(serve) -> None:
    path, _, _ = DOORS["rest"]
    requests = {name: post(path, header + b"\r\n", FINE) for name, (header, _) in HEADERS.items()}
    assert statuses(serve, requests) == {name: expected for name, (_, expected) in HEADERS.items()}


@pytest.mark.parametrize("door", DOORS)
def test_model_names_of_any_bytes_are_unknown(serve, door: str) -> None:
    names = {"long": b"@cf/" + b"x" * 9_000, "bytes": b"\xc3\xbf", "colons": b":" * 99, "spaces": b"a b"}
    path, headers, around = DOORS[door]
    requests = {
        name: post(
            path.replace(PHI, model.replace(b" ", b"%20")),
            headers.replace(PHI, model),
            around.replace(PHI, model) % FINE,
        )
        for name, model in names.items()
    }
    assert statuses(serve, requests) == dict.fromkeys(names, 400)


@pytest.mark.parametrize("option", [b"9" * 400, b"-1e308", b"[]", b'"' + b"9" * 400 + b'h"', b'"soon"'])
def test_options_of_no_sense_are_answered(serve, option: bytes) -> None:
    body = b'{"prompt":"x","options":{"keep_alive":%s}}' % option
    (found,) = statuses(serve, {"": post(DOORS["rest"][0], b"", body)}).values()
    assert found in (200, 400)


def test_a_client_that_announces_more_than_it_sends_hears_why_that_is_too_much(serve) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 99999999999999999999\r\n\r\n"
    assert statuses(serve, {"": head % DOORS["rest"][0] + b"x"}) == {"": 413}
