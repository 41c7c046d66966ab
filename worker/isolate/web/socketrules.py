"""What a handler may ask of a WebSocket: whom to call, what to send, how to close. Refusals have production's texts.

Source: workerd, api/web-socket, read 2026-11-26.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.lanes import Close
from paddock.worker.isolate.web.objects import JsObject, is_nullish
from paddock.worker.isolate.web.text import js_string, utf8
from paddock.worker.isolate.web.url import URL

__all__ = ["close_frame", "content", "handshake"]

_SCHEMES: Final = {"ws:": "http:", "wss:": "https:"}
#: RFC 6455, 4.1: a token of printable ASCII without separators.
_TOKEN: Final = re.compile(r"[!-'*+\-.0-9A-Z^_`a-z|~]+")

#: The server takes no larger message apart; production has no limit but the isolate's memory.
_MAX_SENT_BYTES: Final = 32 * 1024 * 1024
#: RFC 6455, 5.5: what a Close frame has room for.
_MAX_REASON_BYTES: Final = 123
_NO_CODE: Final = 1005
#: Codes that a Close frame cannot carry. RFC 6455, 7.4.1.
_UNSENDABLE: Final = frozenset((1004, 1005, 1006, 1015))


def handshake(url: object, protocols: object) -> tuple[str, JsObject]:
    """The address to fetch and the headers to send. Raises a SyntaxError for what production refuses."""
    try:
        parsed = URL.new(js_string(url))
    except JsException:
        raise _syntax_error("The url is invalid.") from None
    if parsed.protocol not in _SCHEMES:
        raise _syntax_error("The url scheme must be ws or wss.")
    if parsed.hash or js_string(url).endswith("#"):
        raise _syntax_error("The url fragment must be empty.")
    headers = JsObject({"Upgrade": "websocket"})
    names = _protocols(protocols)
    if names:
        headers._put("Sec-WebSocket-Protocol", ", ".join(names))
    return _SCHEMES[parsed.protocol] + parsed.href.partition(":")[2], headers


def content(message: object) -> str | bytes:
    """What `send(message)` sends: the bytes of a buffer, copied, or the text of anything else."""
    data = message.to_bytes() if isinstance(message, JsBuffer) else utf8(js_string(message))
    if len(data) > _MAX_SENT_BYTES:
        raise JsException("Error", f"WebSocket message is too large: {len(data)} > {_MAX_SENT_BYTES}")
    return data if isinstance(message, JsBuffer) else data.decode()


def close_frame(code: object, reason: object) -> Close:
    """The Close frame that `close(code, reason)` sends; None stands for what was left out."""
    number = _NO_CODE if code is None else _integer(code)
    if code is not None and (not 1000 <= number < 5000 or number in _UNSENDABLE):
        raise JsException("InvalidAccessError", f"Invalid WebSocket close code: {number}.")
    text = b"" if reason is None else utf8(js_string(reason))
    if len(text) > _MAX_REASON_BYTES and era.current().sockets_limit_reason:
        raise JsException("SyntaxError", "WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.")
    if reason is not None and code is None:
        raise JsException(
            "InvalidAccessError", "If you specify a WebSocket close reason, you must also specify a code."
        )
    return Close(number, text.decode())


def _integer(code: object) -> int:
    try:
        return int(code) if isinstance(code, int | float) else int(js_string(code))
    except (ValueError, OverflowError):
        return 0  # what JavaScript makes of no number


def _protocols(value: object) -> list[str]:
    if is_nullish(value):
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        name = js_string(value)
        if not _TOKEN.fullmatch(name):
            raise _syntax_error("The protocol header token is invalid.")
        return [name]
    names = [js_string(name) for name in value]
    if not all(_TOKEN.fullmatch(name) for name in names):
        raise _syntax_error("One of the protocol header tokens is invalid.")
    if len(set(names)) < len(names):
        raise _syntax_error("The protocols header cannot have repeating values.")
    return names


def _syntax_error(text: str) -> JsException:
    return JsException("SyntaxError", f"WebSocket Constructor: {text}")
