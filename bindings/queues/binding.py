"""The producer's end of a queue: one POST with messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from paddock.bindings.binding import FetchResponse
from paddock.bindings.queues.broker import Drafts

if TYPE_CHECKING:
    from paddock.bindings.binding import BindingContext, FetchRequest
    from paddock.bindings.queues.broker import Broker

__all__ = ["QueueBinding", "QueueSettings"]

#: Source: developer docs, Queues limits; texts of Miniflare's broker.
_MESSAGE_BYTES: Final = 128_000
_BATCH_BYTES: Final = 256_000
_BATCH_MESSAGES: Final = 100
_MOST_DELAY_S: Final = 43_200
#: The envelope: base64 and the words around a body.
_REQUEST_BYTES: Final = 1_000_000


class QueueSettings(msgspec.Struct, frozen=True):
    """What the configuration says of one producer."""

    queue: str
    #: What its messages are delayed by unless they say otherwise.
    delay_s: float = 0.0


class QueueBinding:
    """`env.QUEUE` of one queue, whose messages the session's broker takes."""

    kind: ClassVar[str] = "queue"

    def __init__(self, broker: Broker, settings: QueueSettings) -> None:
        self._broker = broker
        self._settings = settings

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The producer that the settings describe."""
        assert isinstance(context.settings, QueueSettings)
        return cls(context.broker, context.settings)

    async def close(self) -> None:
        """Nothing to let go of: the messages are the broker's."""

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Take messages. What is over a limit is 413, a delay that is none 400; the text says why."""
        drafts = msgspec.json.decode(await request.read(_REQUEST_BYTES), type=Drafts).messages
        sizes = [len(bytes(draft.body)) for draft in drafts]
        if over := next((size for size in sizes if size > _MESSAGE_BYTES), None):
            return _refused(413, f"message length of {over} bytes exceeds limit of {_MESSAGE_BYTES}")
        if len(drafts) > _BATCH_MESSAGES:
            return _refused(413, f"batch message count of {len(drafts)} exceeds limit of {_BATCH_MESSAGES}")
        if sum(sizes) > _BATCH_BYTES:
            return _refused(413, f"batch size of {sum(sizes)} bytes exceeds limit of {_BATCH_BYTES}")
        if any(draft.delay_s is not None and not 0 <= draft.delay_s <= _MOST_DELAY_S for draft in drafts):
            return _refused(400, f"delaySeconds: expected 0 to {_MOST_DELAY_S}")
        self._broker.send(self._settings.queue, drafts, self._settings.delay_s)
        return FetchResponse(200)


def _refused(status: int, text: str) -> FetchResponse:
    return FetchResponse(status, (("content-type", "text/plain"),), text.encode())
