"""Who may use the REST API: everybody, or whoever knows the token of the configuration.

Source: API reference, authentication; WA-117.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchRequest

__all__ = ["OPEN", "Access"]

#: Older ways of Cloudflare's API to send a key; the SDKs offer them beside bearer tokens.
_KEY_HEADERS: Final = ("x-auth-key", "x-auth-user-service-key")


class Access(msgspec.Struct, frozen=True):
    """The token that requests must carry; None lets every request in, whatever it carries."""

    token: str | None = None

    def admits(self, request: FetchRequest) -> bool:
        """True when no token is asked for, or one of the request's credentials is it."""
        if self.token is None:
            return True
        wanted = self.token.encode()
        # Takes the same time wherever the first wrong letter is: a token cannot be guessed letter by letter.
        return any(hmac.compare_digest(given.encode(), wanted) for given in _credentials(request))


def _credentials(request: FetchRequest) -> list[str]:
    scheme, _, token = (request.header("authorization") or "").partition(" ")
    bearer = [token.strip()] if scheme.lower() == "bearer" else []
    return bearer + [key.strip() for name in _KEY_HEADERS if (key := request.header(name))]


OPEN: Final = Access()
