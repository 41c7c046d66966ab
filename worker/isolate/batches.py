"""The `queue` event: a batch of messages, and what the handler decided about each.

Source: workerd, api/queue: what is decided first stands, and a decision without effect is a warning. PW-033.
"""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.classes import folds_keywords
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read

if TYPE_CHECKING:
    from paddock.worker.wire import Headers

__all__ = ["Batch", "Message", "MessageBatch"]

logger = logging.getLogger(__name__)

_IN_VAIN: Final = (
    "Received a call to {late}() on message {id} after {early}() was already called. "
    "Calling {late}() on a message after calling {early}() has no effect."
)
_ALL_IN_VAIN: Final = (
    "Received a call to {late}() after {early}() was already called. "
    "Calling {late}() after calling {early}() has no effect."
)


class _Sent(msgspec.Struct):
    id: str
    #: Milliseconds since 1970.
    timestamp: int
    attempts: int
    #: JSON, as it came; of bytes their base64.
    body: msgspec.Raw
    content_type: str = "json"


class _Arguments(msgspec.Struct):
    queue: str
    messages: list[_Sent]


class Message(JsProxy):
    """One message of a batch."""

    _js_name = "QueueMessage"

    def __init__(self, sent: _Sent, batch: MessageBatch) -> None:
        self.id = sent.id
        self.timestamp = Date.new(sent.timestamp)
        body = jsonvalue.parse(bytes(sent.body).decode())
        self.body = uint8_array(base64.b64decode(str(body))) if sent.content_type == "bytes" else body
        self.attempts = sent.attempts
        self._batch = batch
        self._is_acked = False
        self._retry: dict[str, object] | None = None

    def ack(self) -> None:
        """Deliver this message no more, whatever becomes of the batch."""
        if self._batch._is_acked:
            return
        if self._batch._retry is not None:
            self._warn("ack", "retryAll")
        elif self._retry is not None:
            self._warn("ack", "retry")
        else:
            self._is_acked = True

    @folds_keywords
    def retry(self, options: object = None) -> None:
        """Deliver this message again, after `delaySeconds`."""
        if self._batch._is_acked:
            self._warn("retry", "ackAll")
        elif self._is_acked:
            self._warn("retry", "ack")
        else:
            self._retry = _delay(options)

    def _warn(self, late: str, early: str) -> None:
        logger.warning(_IN_VAIN.format(late=late, early=early, id=self.id))


class MessageBatch(JsProxy):
    """What the handler is called with."""

    def __init__(self, arguments: _Arguments) -> None:
        self.queue = arguments.queue
        self._all = [Message(sent, self) for sent in arguments.messages]
        self.messages = JsArray(self._all)
        self._is_acked = False
        self._retry: dict[str, object] | None = None

    def ackAll(self) -> None:
        """Deliver none of the messages again."""
        if self._retry is not None:
            logger.warning(_ALL_IN_VAIN.format(late="ackAll", early="retryAll"))
        else:
            self._is_acked = True

    @folds_keywords
    def retryAll(self, options: object = None) -> None:
        """Deliver all messages again, after `delaySeconds`."""
        if self._is_acked:
            logger.warning(_ALL_IN_VAIN.format(late="retryAll", early="ackAll"))
        else:
            self._retry = _delay(options)


class Batch:
    """One delivery."""

    def __init__(self, _headers: Headers, body: bytes) -> None:
        self.subject = MessageBatch(msgspec.json.decode(body, type=_Arguments))

    def result(self) -> dict[str, object]:
        """What the platform tells the queue."""
        batch = self.subject
        return {
            "ackAll": batch._is_acked,
            "retryBatch": {"retry": batch._retry is not None, **(batch._retry or {})},
            "explicitAcks": [message.id for message in batch._all if message._is_acked],
            "retryMessages": [{"msgId": m.id, **m._retry} for m in batch._all if m._retry is not None],
        }


def _delay(options: object) -> dict[str, object]:
    seconds = read(options, "delaySeconds")
    return {} if is_nullish(seconds) else {"delaySeconds": seconds}
