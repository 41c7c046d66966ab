"""What an isolate tells of a request that failed, beside the traceback: the leaf that isolate and server share.

Everything is text for a person, bounded in size, and made without running the user's code. The server decodes it only
when somebody asked for the page that shows it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["AiCallReport", "FaultReport", "FrameReport", "Raised", "Relation", "decode", "encode"]

#: To the exception before it: `raise ... from`, raised meanwhile, one of a group. The first one has none.
Relation = Literal["", "cause", "context", "part"]


class FrameReport(msgspec.Struct, frozen=True, array_like=True):
    """A frame of the traceback and its local variables: name and value as text."""

    file: str
    line: int
    name: str
    values: tuple[tuple[str, str], ...] = ()


class Raised(msgspec.Struct, frozen=True, array_like=True):
    """An exception. Frames are those of the user and of libraries, outermost first."""

    kind: str
    message: str
    relation: Relation
    frames: tuple[FrameReport, ...]


class AiCallReport(msgspec.Struct, frozen=True, array_like=True):
    """A call of `env.AI.run`, beginning of what went in and of what came out."""

    model: str
    inputs: str
    answer: str


class FaultReport(msgspec.Struct, frozen=True, array_like=True):
    """What the request did until it failed. `lines` is the end of what it printed."""

    raised: tuple[Raised, ...]
    calls: tuple[AiCallReport, ...] = ()
    lines: tuple[str, ...] = ()


def encode(report: FaultReport) -> bytes:
    """The report as it travels in a Fault."""
    return msgspec.msgpack.encode(report)


def decode(data: bytes) -> FaultReport:
    """The report of a Fault; an empty one where the isolate sent none. Raises ValueError for anything else."""
    return msgspec.msgpack.decode(data, type=FaultReport) if data else FaultReport(())
