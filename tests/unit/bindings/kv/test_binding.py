"""The wire of KV as other runtimes speak it: workerd's own requests, and hostile ones."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from paddock.bindings.binding import BindingContext, FetchRequest, FetchResponse, GeneratorSource
from paddock.bindings.kv.binding import KvBinding, KvSettings
from paddock.bindings.queues.broker import Broker
from paddock.bindings.state import StateFolder

Request = tuple[str, str] | tuple[str, str, dict[str, str]] | tuple[str, str, dict[str, str], object]


def opened(state: Path, name: str = "test") -> KvBinding:
    return KvBinding.open(BindingContext(None, 0, StateFolder(state), Broker(()), KvSettings(name)))  # type: ignore[arg-type]


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., list[FetchResponse]]:
    """`send(request, ...)`: the answers to requests, each (method, path, headers, body), one after the other."""

    def run(*requests: Request) -> list[FetchResponse]:
        async def sent() -> list[FetchResponse]:
            binding, answers = opened(tmp_path), []
            for method, path, *more in requests:
                headers = tuple(more[0].items()) if more else ()
                body = more[1] if len(more) > 1 else None
                request = FetchRequest(method, f"https://fake-host{path}", headers, body)
                answers.append(await binding.fetch(request))
            await binding.close()
            return answers

        return asyncio.run(sent())

    return run


def test_workerds_requests_are_answered(send) -> None:
    put, got, listed, deleted, gone = send(
        ("PUT", "/a%2Fb?urlencoded=true&expiration_ttl=60", {"CF-KV-Metadata": '{"m":1}'}, b"value"),
        ("GET", "/a%2Fb?urlencoded=true&cache_ttl=30"),
        ("GET", "/?key_count_limit=10&prefix=a%2F"),
        ("DELETE", "/a%2Fb?urlencoded=true"),
        ("GET", "/a%2Fb?urlencoded=true"),
    )
    assert [answer.status for answer in (put, got, listed, deleted, gone)] == [200, 200, 200, 200, 404]
    headers = dict(got.headers)
    assert (got.body, headers["cf-kv-metadata"]) == (b"value", '{"m":1}')
    answer = json.loads(listed.body)
    assert answer == {
        "keys": [{"name": "a/b", "expiration": int(headers["cf-expiration"]), "metadata": '{"m":1}'}],
        "list_complete": True,
    }


def test_a_key_is_taken_literally_unless_it_says_that_it_is_encoded(send) -> None:
    *_, listed = send(("PUT", "/a%20b", {}, b"x"), ("PUT", "/a%20b?urlencoded=TRUE", {}, b"x"), ("GET", "/"))
    assert [key["name"] for key in json.loads(listed.body)["keys"]] == ["a b", "a%20b"]


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        (("GET", "/%ff?urlencoded=true"), 400, "Could not URL-decode key name"),
        (("PUT", "/%2E%2E?urlencoded=true", {}, b""), 400, 'Illegal key name "..". Please use a different name.'),
        (("PUT", "/k", {"cf-kv-metadata": "{"}, b""), 400, "Metadata must be JSON."),
        (("PUT", "/k", {"cf-kv-metadata": '"\xff"'}, b""), 400, "Metadata must be UTF-8."),
        (("GET", "/k?cache_ttl=soon"), 400, "Invalid cache_ttl of NaN. Cache TTL must be at least 30."),
        (("GET", "/?key_count_limit=0"), 400, None),
        (("GET", "/?cursor=%2A"), 400, "Invalid cursor of *. Please use the cursor of a list."),
        (("GET", f"/?prefix={'p' * 513}"), 414, None),
        (("POST", "/bulk/get", {}, b"{}"), 400, None),
        (("POST", "/bulk/get", {}, b'{"keys": [""]}'), 400, "Key names must not be empty"),
        (("POST", "/k", {}, b""), 405, "Method Not Allowed"),
    ],
)
def test_what_is_wrong_is_said_in_the_reason_phrase(send, request_: Request, status: int, text: str | None) -> None:
    (answer,) = send(request_)
    assert answer.status == status
    assert text is None or answer.status_text == text
    assert answer.body == answer.status_text.encode()


def test_a_body_that_states_too_large_a_length_is_refused_unread(send) -> None:
    pulled = []

    async def body():
        pulled.append(1)
        yield b"x"

    (answer,) = send(("PUT", "/k", {"content-length": "26214401"}, GeneratorSource(body())))
    assert (answer.status, pulled) == (413, [])


def test_namespaces_are_apart_whatever_they_are_called(tmp_path: Path) -> None:
    names = ["a", "A/../a", "..", "é" * 300]

    async def run() -> list[object]:
        bindings = [opened(tmp_path, name) for name in names]
        for binding in bindings[1:]:
            await binding.fetch(FetchRequest("PUT", "https://fake-host/k", (), b"x"))
        found = [await binding.fetch(FetchRequest("GET", "https://fake-host/k")) for binding in bindings]
        for binding in bindings:
            await binding.close()
        return [answer.status for answer in found]

    assert asyncio.run(run()) == [404, 200, 200, 200]
    assert {path.parent for path in tmp_path.rglob("*.sqlite")} == {tmp_path / "v1" / "kv"}
    assert (tmp_path / "v1" / ".gitignore").read_text() == "*\n"


def test_nothing_is_on_disk_before_the_first_call(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path).close())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_a_500_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "v1").write_text("a file where a folder should be")

    async def run() -> FetchResponse:
        binding = opened(tmp_path)
        answer = await binding.fetch(FetchRequest("PUT", "https://fake-host/k", (), b"x"))
        await binding.close()
        return answer

    answer = asyncio.run(run())
    assert answer.status == 500
    assert "exists" in answer.status_text
