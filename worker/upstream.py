"""The address that the worker sees: `--host`, `--upstream-protocol`, or that of the first route.

As wrangler's proxy does it: the URL has another origin, headers that hold the address of the dev server hold the other
one instead, and the response's headers are changed back, so that redirects and cookies lead to this machine. Source:
wrangler's proxy worker, read 2026-11-26.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchRequest, Headers

__all__ = ["Upstream"]


class Upstream(NamedTuple):
    """What stands in the worker's URLs in place of what was asked for; None leaves that as it is."""

    host: str | None = None
    protocol: str | None = None

    @property
    def is_other(self) -> bool:
        return bool(self.host or self.protocol)

    def enter(self, request: FetchRequest) -> None:
        """Change a request on its way to the worker."""
        outer = urlsplit(request.url)
        inner = outer._replace(scheme=self.protocol or outer.scheme, netloc=self.host or outer.netloc)
        request.url = inner.geturl()
        request.headers = _rewritten(request.headers, outer, inner)

    def leave(self, url: str, headers: Headers) -> Headers:
        """The headers of a response on their way to the client. `url` is the one that the client asked for."""
        outer = urlsplit(url)
        inner = outer._replace(scheme=self.protocol or outer.scheme, netloc=self.host or outer.netloc)
        return _rewritten(headers, inner, outer)


def _rewritten(headers: Headers, before: SplitResult, after: SplitResult) -> Headers:
    return tuple((name, _value(name, value, before, after)) for name, value in headers)


def _value(name: str, value: str, before: SplitResult, after: SplitResult) -> str:
    if name.lower() == "set-cookie":
        domain = re.escape(before.hostname or "")
        return re.sub(rf"(?i)(domain=){domain}(?=$|[;,])", rf"\g<1>{after.hostname}", value)
    if before.netloc not in value:
        return value
    value = value.replace(f"{before.scheme}://{before.netloc}", f"{after.scheme}://{after.netloc}")
    # Where one address is part of the other (`example.com` of `www.example.com`) the second look would find it again.
    return (
        value if after.netloc in value and before.netloc in after.netloc else value.replace(before.netloc, after.netloc)
    )
