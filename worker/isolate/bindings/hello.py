"""The stub of the reference binding: `await env.HELLO.greet("you")`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.promise import promised

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher

__all__ = ["Hello"]


class Hello(JsProxy):
    """What handlers see as `env.HELLO`."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    @promised
    async def greet(self, name: str) -> str:
        """The greeting of the binding."""
        response = await self._fetcher.fetch(f"https://hello.binding/greet?{urlencode({'name': name})}")
        return str(await response.text())
