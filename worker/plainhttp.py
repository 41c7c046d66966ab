"""Plain http at a port of https: an answer that says so, where TLS alone hangs up without a word.

asyncio hands the bytes of such a connection to an SSLObject of the context. Ours looks at the first of them: where it
begins a request of HTTP, it encrypts and decrypts nothing, and the app of this connection is `ask_for_https`.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from paddock.bindings.errors import InputError
from paddock.worker.http import request_url

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["TlsContext", "TlsObject", "ask_for_https"]


class TlsObject(ssl.SSLObject):
    """The TLS of one connection, or none: `is_plain` says so once `do_handshake` has returned."""

    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    is_plain = False
    _has_begun = False

    def do_handshake(self) -> None:
        if not self._has_begun and (begin := self.incoming.read()):
            self._has_begun = True
            self.incoming.write(begin)
            self.is_plain = begin[:1].isalpha()  # a request begins with its method; a record of TLS, with byte 22
        if not self.is_plain:
            super().do_handshake()

    def read(self, len: int = 1024, buffer: Any = None) -> bytes:
        if not self.is_plain:
            return super().read(len, buffer)
        data = self.incoming.read(len)  # into no buffer: asyncio's streams have none
        if not data and not self.incoming.eof:
            raise ssl.SSLWantReadError
        return data

    def write(self, data: Any) -> int:
        return self.outgoing.write(data) if self.is_plain else super().write(data)

    def getpeercert(self, binary_form: bool = False) -> Any:
        return None if self.is_plain else super().getpeercert(binary_form)

    def unwrap(self) -> None:
        if not self.is_plain:
            super().unwrap()


class TlsContext(ssl.SSLContext):
    """A context whose connections may turn out to be plain."""

    sslobject_class = TlsObject

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *details: Any, **more: Any) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *details, **more)
        assert isinstance(made, TlsObject)
        made.incoming, made.outgoing = incoming, outgoing
        return made


async def ask_for_https(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI app that refuses every request, with the address that it should have had."""
    from starlette.responses import PlainTextResponse  # for few, and every start would wait

    try:
        url = request_url(scope)
    except InputError:  # its Host header is none
        url = "https://..."
    text = f"This port speaks https, and the request came over plain http. Ask for {url} instead.\n"
    refusal = PlainTextResponse(text, 400, {"connection": "close"})
    await refusal(scope, receive, send)
