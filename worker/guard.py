"""Who may use the reserved paths: requests that name this machine, and no page of another site.

A page of any site can have its own host name resolve to this machine (DNS rebinding), and can send simple requests to
`localhost` across sites. A host name gives the first away, an `Origin` header the second. An address instead of a name
cannot be rebound, so other machines of a private network reach the paths by address. The hosts of the configured routes
are the worker's own: pages of theirs may ask, and tunnels that bring their requests. DT-045.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.worker.config.routes import Route

__all__ = ["RESERVED", "Guard"]

#: What all reserved paths begin with.
RESERVED = "/cdn-cgi/"


class Guard(NamedTuple):
    """Names in lower case, without ports, that requests may have beside this machine's own."""

    hosts: frozenset[str] = frozenset()
    #: Of routes that begin with a wildcard: these and what is below them.
    domains: frozenset[str] = frozenset()

    @classmethod
    def of(cls, routes: Iterable[Route], upstream_host: str | None) -> Guard:
        """The guard of a worker with these routes, whose URLs have this host."""
        names = {route: _host_name("//" + (route.host or "")) for route in routes}
        hosts = {name for route, name in names.items() if not route.takes_subdomains}
        domains = {name for route, name in names.items() if route.takes_subdomains}
        upstream = _host_name("//" + (upstream_host or ""))
        return cls(frozenset(hosts | {upstream}) - {""}, frozenset(domains) - {""})

    def refusal(self, host: str | None, origin: str | None, *, own_host: str | None = None) -> str:
        """Why a request with these headers is refused, in the words of wrangler's dev server; empty when it may pass.

        `own_host` is one more name that the request may be addressed to, though not come from.
        """
        name = _host_name("//" + (host or ""))
        if name != own_host and not self._admits(name):
            return "Invalid Host header"
        if origin is not None and not self._admits(_host_name(origin)):
            return "Invalid Origin header"
        return ""

    def _admits(self, host: str) -> bool:
        if _is_local(host) or host in self.hosts:
            return True
        return any(host == domain or host.endswith("." + domain) for domain in self.domains)


def _host_name(url: str) -> str:
    """The name in the authority of a URL, in lower case; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
