"""The reference binding: the smallest one that is complete. Copy its shape for a new one.

`await env.HELLO.greet("you")` in a handler; its stub is `worker/isolate/bindings/hello.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from paddock.bindings.binding import FetchResponse

if TYPE_CHECKING:
    from paddock.bindings.binding import BindingContext, FetchRequest

__all__ = ["HelloBinding"]


class HelloBinding:
    """Greets the `name` of the query."""

    kind: ClassVar[str] = "hello"

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """It needs nothing of the context."""
        return cls()

    async def close(self) -> None:
        """It holds nothing."""

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """`GET /greet?name=X` answers `Hello, X!` as text; anything else is a 404."""
        url = urlsplit(request.url)
        names = parse_qs(url.query).get("name")
        if request.method != "GET" or url.path != "/greet" or not names:
            return FetchResponse(404, body=b"expected GET /greet?name=NAME")
        return FetchResponse(200, (("content-type", "text/plain;charset=UTF-8"),), f"Hello, {names[0]}!".encode())
