"""`route` and `routes`: the addresses that a deployment would answer. Here they say which host the worker sees.

Source: wrangler's rules for guessing a host from a route, and the guard of its dev server, read 2026-11-26.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from paddock.worker.config.wrangler import WranglerKeys

__all__ = ["Route", "settle_routes"]

_WILDCARD: Final = re.compile(r"\*\.?")


class Route(NamedTuple):
    """One route. `pattern` is a host with or without a path, and may begin with a wildcard; `zone` is its domain."""

    pattern: str
    zone: str | None = None

    @property
    def host(self) -> str | None:
        """The host that requests would name: a wildcard leaves the domain, and only a zone says what `*/path` means."""
        return _host(self.pattern) or (_host(self.zone) if self.zone else None)

    @property
    def takes_subdomains(self) -> bool:
        """Whether the pattern's host begins with a wildcard."""
        return _address(self.pattern).startswith("*")


def settle_routes(wrangler: WranglerKeys) -> tuple[Route, ...]:
    """The routes of `route` and `routes`, in their order."""
    entries = wrangler.routes if wrangler.route is None else (wrangler.route, *wrangler.routes)
    return tuple(Route(entry) if isinstance(entry, str) else Route(entry.pattern, entry.zone_name) for entry in entries)


def _host(pattern: str) -> str | None:
    address = _address(pattern)
    if address.startswith("*/") or address == "*":
        return None
    try:
        return urlsplit(f"http://{_WILDCARD.sub('', address)}").netloc or None
    except ValueError:
        return None


def _address(pattern: str) -> str:
    return pattern.partition("://")[2] or pattern
