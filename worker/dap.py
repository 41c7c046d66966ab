"""Messages of the Debug Adapter Protocol on a stream: a header with their length, then JSON.

Source: the protocol's overview, "Base Protocol".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import asyncio

__all__ = ["Message", "encoded", "read_message"]

#: A request, a response or an event, as JSON has it: what is in it is between the client and debugpy.
Message = dict[str, Any]

_LENGTH: Final = re.compile(rb"^Content-Length: *([0-9]{1,9})\r$", re.MULTILINE | re.IGNORECASE)
_decoder: Final = msgspec.json.Decoder(Message)


async def read_message(reader: asyncio.StreamReader) -> Message:
    """The next message. Raises IncompleteReadError at the end of the stream, ValueError for what is no message."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length is None:
        raise ValueError(f"expected a header with Content-Length; got {head[:80]!r}")
    return _decoder.decode(await reader.readexactly(int(length[1])))


def encoded(message: Message) -> bytes:
    """The message as it is sent."""
    body = msgspec.json.encode(message)
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
