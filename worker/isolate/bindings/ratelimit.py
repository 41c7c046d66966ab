"""A rate limiter as handlers see it. Source: Miniflare, workers/ratelimit: checks and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher

__all__ = ["Ratelimit"]

_URL: Final = "http://ratelimit/limit"
_OPTIONS: Final = ("key", "limit", "period")
_PERIODS_S: Final = (10, 60)


class Ratelimit(JsProxy):
    """`env.LIMITER`."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    @promised
    async def limit(self, options: object = None) -> object:
        """`{"success": ...}`: whether the key of the options is within its limit, this call included."""
        given = _checked(options)
        init = JsObject({"method": "POST", "body": jsonvalue.stringify(JsObject(given))})
        response = await self._fetcher.fetch(_URL, init)
        return await response.json()


def _checked(options: object) -> dict[str, object]:
    """The options that are there. Raises an Error for what production refuses."""
    if not isinstance(options, JsProxy | dict):
        raise JsException("Error", "invalid rate limit options")
    given = dict(options) if isinstance(options, dict) else dict(options._members())
    given = {name: value for name, value in given.items() if value is not None}
    if unknown := [name for name in given if name not in _OPTIONS]:
        raise JsException("Error", f"bad rate limit options: [{','.join(unknown)}]")
    if not isinstance(given.get("key", ""), str):
        raise JsException("Error", f"invalid key: {js_string(given['key'])}")
    for name in ("limit", "period"):
        value = given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise JsException("Error", f"{name} must be a number: {js_string(value)}")
    if given.get("period", _PERIODS_S[0]) not in _PERIODS_S:
        raise JsException("Error", f"unsupported period: {js_string(given['period'])}")
    return given
