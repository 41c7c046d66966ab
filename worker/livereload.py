"""`--live-reload`: HTML pages load again when the worker was replaced.

Every HTML response gets a script at its end, which opens a WebSocket at `/cdn-cgi/live-reload` and waits for a word, as
in wrangler. Whatever is no HTML, is a part of a page (206), or is encoded so that nothing can be put behind it, stays
as it is; gzip is undone. Rules of a page about its scripts (Content-Security-Policy) are the page's own. DT-037.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from email.message import Message as Headers
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.websockets import WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from paddock.worker.guard import Guard

__all__ = ["PATH", "LiveReload"]

logger = logging.getLogger(__name__)

PATH: Final = "/cdn-cgi/live-reload"
#: It also loads the page again when the server was away: then it may be another one.
_SCRIPT: Final = (
    b"<script>(()=>{let lost=false;const connect=()=>{const socket=new WebSocket("
    b'(location.protocol==="https:"?"wss://":"ws://")+location.host+"' + PATH.encode() + b'");'
    b"socket.onopen=()=>{if(lost)location.reload()};socket.onmessage=()=>location.reload();"
    b"socket.onclose=()=>{lost=true;setTimeout(connect,300)}};connect()})()</script>\n"
)
_GOING_AWAY: Final = 1001
_WITHOUT_BODY: Final = frozenset({204, 205, 206, 304})
#: zlib's window for gzip and for deflate, whichever it is.
_EITHER: Final = zlib.MAX_WBITS | 32
_DECODABLE: Final = frozenset({"gzip", "x-gzip", "deflate"})


class LiveReload:
    """An ASGI app around the dev server's. `guard` says who may open the WebSocket."""

    def __init__(self, app: ASGIApp, guard: Callable[[], Guard]) -> None:
        self._app = app
        self._guard = guard
        self._pages: set[asyncio.Event] = set()
        self._is_closing = False

    def reload(self) -> None:
        """Have every open page loaded again."""
        for page in self._pages:
            page.set()

    async def close_after(self, stop: asyncio.Event) -> None:
        """Let go of every open page when the server stops; the page looks for it until it is back."""
        await stop.wait()
        self._is_closing = True
        self.reload()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] == PATH:
            await self._wait_with(scope, receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, _Page(send, has_body=scope["method"] != "HEAD"))
        else:
            await self._app(scope, receive, send)

    async def _wait_with(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One page's WebSocket, until there is news or the page is closed."""
        socket = WebSocket(scope, receive, send)
        if self._guard().refusal(socket.headers.get("host"), socket.headers.get("origin")):
            await socket.close()  # before it is open: the client gets a 403
            return
        await socket.accept()
        news = asyncio.Event()
        self._pages.add(news)
        try:
            async with asyncio.TaskGroup() as tasks:
                waits = [tasks.create_task(news.wait()), tasks.create_task(_closed(socket))]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                if waits[1].done():
                    return
                if not self._is_closing:
                    await socket.send_text("reload")
                await socket.close(_GOING_AWAY)
        finally:
            self._pages.discard(news)


async def _closed(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


class _Page:
    """Where one response is sent: on to the client, an HTML page with the script."""

    def __init__(self, send: Send, *, has_body: bool) -> None:
        self._send = send
        self._has_body = has_body
        self._takes_script = False
        self._decoder: zlib._Decompress | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._begin(message)
        elif message["type"] == "http.response.body" and self._takes_script and self._has_body:
            message = self._go_on(message)
        await self._send(message)

    def _begin(self, message: Message) -> Message:
        headers = MutableHeaders(raw=list(message["headers"]))
        encoding = headers.get("content-encoding", "identity").strip().lower()
        is_html = message["status"] not in _WITHOUT_BODY and _is_html(headers.get("content-type", ""))
        self._takes_script = is_html and (encoding == "identity" or encoding in _DECODABLE)
        if not self._takes_script:
            return message
        if encoding != "identity":
            self._decoder = zlib.decompressobj(_EITHER)
            del headers["content-encoding"]
            del headers["content-length"]
        elif length := headers.get("content-length"):
            headers["content-length"] = str(int(length) + len(_SCRIPT))
        return {**message, "headers": headers.raw}

    def _go_on(self, message: Message) -> Message:
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        if self._decoder is not None:
            body = self._decoder.decompress(body) + (self._decoder.flush() if is_last else b"")
        return {**message, "body": body + _SCRIPT if is_last else body}


def _is_html(content_type: str) -> bool:
    """Whether it is HTML in an encoding of which ASCII is a part."""
    headers = Headers()
    headers["content-type"] = content_type
    charset = headers.get_param("charset", "utf-8")
    try:
        is_ascii = "<".encode(str(charset)) == b"<"
    except LookupError:  # browsers do not know it either, and guess
        is_ascii = True
    return content_type.strip().lower().startswith("text/html") and is_ascii
