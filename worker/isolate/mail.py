"""The `email` event: a message that came in, and what the handler did with it.

Source: Email Workers runtime API of the developer docs; Miniflare, email. PW-032.
"""

from __future__ import annotations

import re
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.wire import Headers as EventHeaders

__all__ = ["EmailMessage", "ForwardableEmailMessage", "Mail"]

#: A header's line break. Source: RFC 5322, 2.2.3.
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
#: Answers to such messages could go back and forth for ever: header -> the one value that allows them.
_AUTOMATIC: Final = {"x-auto-response-suppress": "none", "auto-submitted": "no"}


class EmailMessage(JsProxy, metaclass=JsClass):
    """A message that a handler makes; `cloudflare:email` exports this class."""

    def __init__(self, sender: object, recipient: object, raw: object) -> None:
        self.from_ = js_string(sender)
        self.to = js_string(recipient)
        self._raw = raw if isinstance(raw, ReadableStream) else js_string(raw)


class ForwardableEmailMessage(JsProxy):
    """What the handler is called with. `from_` and `to` are the envelope's."""

    def __init__(self, sender: str, recipient: str, raw: bytes) -> None:
        self.from_ = sender
        self.to = recipient
        self.raw = ReadableStream.of_bytes(raw)
        self.rawSize = len(raw)
        head = BytesHeaderParser().parsebytes(raw)
        items = [(name, _FOLD.sub(" ", str(value))) for name, value in head.items()]
        self.headers = Headers.from_pairs(items, is_immutable=True)
        self._rejection: str | None = None
        self._forwarded: list[dict[str, object]] = []
        self._replies: list[dict[str, str]] = []

    def setReject(self, reason: object) -> None:
        """Refuse the message; the sender gets the reason."""
        self._rejection = js_string(reason)

    @promised
    async def forward(self, recipient: object, headers: object = None) -> object:
        """Pass the message on. Here it is only noted."""
        added = Headers.new(headers).header_pairs()
        self._forwarded.append({"to": js_string(recipient), "headers": added})
        return JsObject({"messageId": f"forwarded-{len(self._forwarded)}"})

    @promised
    async def reply(self, message: object) -> object:
        """Answer the sender. Here the answer is only noted."""
        if not isinstance(message, EmailMessage):
            raise type_error("reply: expected an EmailMessage of cloudflare:email")
        if any(self._says_otherwise(name, value) for name, value in _AUTOMATIC.items()):
            raise JsException("Error", "Original email is not replyable")
        raw = message._raw
        if isinstance(raw, ReadableStream):
            raw = b"".join([piece async for piece in iterate_bytes(raw)]).decode("utf-8", "replace")
        self._replies.append({"from": message.from_, "to": message.to, "raw": raw})
        return JsObject({"messageId": f"reply-{len(self._replies)}"})

    def _says_otherwise(self, header: str, allowed: str) -> bool:
        return self.headers.has(header) and str(self.headers.get(header)).lower() != allowed


class Mail:
    """One delivery; the envelope stands in the event's headers."""

    def __init__(self, headers: EventHeaders, body: bytes) -> None:
        envelope = dict(headers)
        self.subject = ForwardableEmailMessage(envelope["mail-from"], envelope["rcpt-to"], body)

    def result(self) -> dict[str, object]:
        """What became of the message."""
        message = self.subject
        return {"rejected": message._rejection, "forwarded": message._forwarded, "replies": message._replies}
