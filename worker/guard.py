"""Who may use the reserved paths: requests that name this machine, and no page of another site.

A page of any site can have its own host name resolve to this machine (DNS rebinding), and can send simple requests to
`localhost` across sites. A host name gives the first away, an `Origin` header the second. An address instead of a name
cannot be rebound, so other machines of a private network reach the paths by address. DT-045.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchRequest

__all__ = ["refusal"]


def refusal(request: FetchRequest, *, own_host: str | None = None) -> str:
    """Why the request is refused, in the words of wrangler's dev server; empty when it may pass.

    `own_host` is one more name that the request may be addressed to, though not come from.
    """
    host = _host_name("//" + (request.header("host") or ""))
    if host != own_host and not _is_local(host):
        return "Invalid Host header"
    origin = request.header("origin")
    if origin is not None and not _is_local(_host_name(origin)):
        return "Invalid Origin header"
    return ""


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
