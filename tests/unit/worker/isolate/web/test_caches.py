"""`caches`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.caches import CACHES, Cache, CacheStore
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import enter_request

if TYPE_CHECKING:
    from collections.abc import Coroutine

_URL = "https://a.test/x"


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _run(coroutine: Coroutine[object, object, Any]) -> Any:
    async def main() -> Any:
        async with enter_request():
            return await coroutine

    return asyncio.run(main())


def _response(text: str = "kept", status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response.new(text, status=status, headers=JsObject(named))


async def _put_and_match(response: Response, **headers: str) -> Any:
    cache = Cache.named("", CacheStore())
    await cache.put(_URL, response)
    request = Request.new(_URL, headers=JsObject({n.replace("_", "-"): v for n, v in headers.items()}))
    return await cache.match(request)


def test_kept_response_is_found() -> None:
    async def main() -> tuple[object, ...]:
        found = await _put_and_match(_response(cache_control="max-age=60", x="1"))
        return await found.text(), found.status, found.headers.get("x"), found.headers.get("cf-cache-status")

    assert _run(main()) == ("kept", 200, "1", "HIT")


def test_nothing_is_undefined() -> None:
    async def main() -> object:
        return await CACHES.default.match("https://nothing.test/")

    assert _run(main()) is None


def test_deleted_response_is_gone() -> None:
    async def main() -> list[object]:
        cache = await CACHES.open("deleting")
        await cache.put(_URL, _response())
        return [await cache.delete(_URL), await cache.match(_URL), await cache.delete(_URL)]

    assert _run(main()) == [True, None, False]


def test_caches_of_other_names_have_their_own() -> None:
    async def main() -> list[object]:
        one, other = await CACHES.open("one"), await CACHES.open("other")
        await one.put(_URL, _response())
        return [await other.match(_URL), await CACHES.default.match(_URL), (await one.match(_URL)) is None]

    assert _run(main()) == [None, None, False]


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        ({}, True),
        ({"cache_control": "no-store"}, False),
        ({"cache_control": "private"}, False),
        ({"cache_control": "max-age=0"}, False),
        ({"cache_control": "max-age=0, s-maxage=5"}, True),
        ({"set_cookie": "a=1"}, False),
        ({"set_cookie": "a=1", "cache_control": "private=Set-Cookie, max-age=5"}, True),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, False),
    ],
)
def test_headers_say_what_is_kept(headers: dict[str, str], is_kept: bool) -> None:
    """Developer docs, "Cache", Headers."""
    found = _run(_put_and_match(_response(**headers)))
    assert (found is not None) is is_kept
    assert found is None or not found.headers.has("set-cookie")


def test_statuses_that_are_not_kept_by_themselves() -> None:
    assert _run(_put_and_match(_response(status=500))) is None
    assert _run(_put_and_match(_response(status=404))).status == 404


def test_response_is_good_for_its_time() -> None:
    async def main() -> list[bool]:
        clock = _Clock()
        cache = Cache.named("", CacheStore(clock))
        await cache.put(_URL, _response(cache_control="max-age=60"))
        clock.now = 59
        fresh = await cache.match(_URL)
        clock.now = 60
        return [fresh is not None, await cache.match(_URL) is not None]

    assert _run(main()) == [True, False]


def test_oldest_response_makes_room() -> None:
    async def main() -> list[bool]:
        cache = Cache.named("", CacheStore(most_bytes=10))
        for name in "abc":
            await cache.put(f"{_URL}{name}", _response("12345"))
        await cache.put(f"{_URL}d", _response("too long for it"))
        return [await cache.match(f"{_URL}{name}") is not None for name in "abcd"]

    assert _run(main()) == [False, True, True, False]


def test_conditions_and_ranges_are_answered() -> None:
    async def main() -> list[object]:
        same = await _put_and_match(_response(etag='"v1"'), if_none_match='W/"v1"')
        part = await _put_and_match(_response(), range="bytes=1-2")
        end = await _put_and_match(_response(), range="bytes=-1")
        return [same.status, part.status, part.headers.get("content-range"), await part.text(), await end.text()]

    assert _run(main()) == [304, 206, "bytes 1-2/4", "ep", "t"]


def test_what_cannot_be_cached_is_refused() -> None:
    async def refused(request: object, response: Response) -> str:
        with pytest.raises(JsException) as caught:
            await CACHES.default.put(request, response)
        return caught.value.message

    assert "non-GET request" in _run(refused(Request.new(_URL, method="POST"), _response()))
    assert "206 Partial Content" in _run(refused(_URL, _response(status=206)))
    assert "Vary: *" in _run(refused(_URL, _response(vary="*")))
    assert "error response" in _run(refused(_URL, Response.error()))


def test_other_methods_need_ignore_method() -> None:
    async def main() -> list[bool]:
        cache = await CACHES.open("methods")
        await cache.put(_URL, _response())
        head = Request.new(_URL, method="HEAD")
        return [await cache.match(head) is not None, await cache.match(head, ignoreMethod=True) is not None]

    assert _run(main()) == [False, True]


def test_caches_need_an_event() -> None:
    async def main() -> None:
        await CACHES.default.match(_URL)

    with pytest.raises(JsException, match="global scope"):
        asyncio.run(main())
