"""WebSocket messages of the parts that wsproto cuts them into, with a limit on their size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsproto.events import TextMessage

from paddock.worker.messages import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from wsproto.events import Message

__all__ = ["MessageTooLarge", "Parts"]


class MessageTooLarge(Exception):
    """What came of a message is over the limit. The text is production's reason in the Close frame."""


class Parts:
    """The message that is coming. Joined as bytes: a list of many small parts would be far larger than they are."""

    def __init__(self) -> None:
        self._content = bytearray()

    def add(self, part: Message[Any]) -> str | bytes | None:
        """The message, if the part completes it. Raises MessageTooLarge."""
        is_text = isinstance(part, TextMessage)
        self._content += part.data.encode() if is_text else part.data
        if len(self._content) > MAX_MESSAGE_BYTES:
            size = len(self._content)
            self._content.clear()
            raise MessageTooLarge(f"Message is too large: {size} > {MAX_MESSAGE_BYTES}")
        if not part.message_finished:
            return None
        content, self._content = self._content, bytearray()
        return content.decode() if is_text else bytes(content)
