"""What the processes of one test run and the process of their engines say to each other."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from paddock.bindings.errors import EngineError, PaddockError
from paddock.worker.config.settings import PaddockSettings  # noqa: TC001 -- msgspec reads the annotations

__all__ = [
    "Answer",
    "Broken",
    "Cancel",
    "Failed",
    "FromEngines",
    "FromTests",
    "Leave",
    "Piece",
    "Pull",
    "Run",
    "Streams",
    "ToldError",
    "Wanted",
    "Welcome",
    "error_of",
    "told",
]


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """The first frame: what the models are run by. Processes that want the same share them."""

    paddock: PaddockSettings
    #: The folder of the project's own model files, if there is one.
    catalog: str | None
    #: Where finetunes of the project are, if it has state.
    state: str | None


class Run(msgspec.Struct, frozen=True, tag="run"):
    """A call of `AiService.run`."""

    id: int
    model: str
    inputs: Any
    dialect: str
    keep_alive: Any


class Pull(msgspec.Struct, frozen=True, tag="pull"):
    """The next piece of a stream is wanted. A stream is read by one, so there is one of these at a time."""

    id: int


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for the answer or the rest of the stream any more."""

    id: int


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """The last frame: the connection closes when that is known, and of the last process when the engines have ended."""


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """What was wanted is there."""


class ToldError(msgspec.Struct, frozen=True):
    """An error by the name of its class and its attributes."""

    kind: str
    attributes: dict[str, Any]


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """A whole answer."""

    id: int
    output: Any
    headers: tuple[tuple[str, str], ...]
    record: dict[str, Any]


class Streams(msgspec.Struct, frozen=True, tag="streams"):
    """The answer is a stream, whose pieces are to be pulled."""

    id: int
    headers: tuple[tuple[str, str], ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The call failed."""

    id: int
    error: ToldError
    record: dict[str, Any]


class Piece(msgspec.Struct, frozen=True, tag="piece"):
    """The next piece of a stream; without data its end."""

    id: int
    data: bytes | None
    record: dict[str, Any]


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """A stream broke off."""

    id: int
    message: str
    error: ToldError | None
    record: dict[str, Any]


FromTests: TypeAlias = Wanted | Run | Pull | Cancel | Leave
FromEngines: TypeAlias = Welcome | Answer | Streams | Failed | Piece | Broken


def told(error: BaseException) -> ToldError:
    """An error for the other side. One that is none of Paddock's own is an EngineError there."""
    if not isinstance(error, PaddockError):
        return ToldError(EngineError.__name__, {"message": f"{type(error).__name__}: {error}", "hint": ""})
    simple = str | int | float | bool | None
    return ToldError(type(error).__name__, {name: v for name, v in vars(error).items() if isinstance(v, simple)})


def error_of(told: ToldError) -> PaddockError:
    """The error that the other side met."""
    kind = next((kind for kind in _children(PaddockError) if kind.__name__ == told.kind), EngineError)
    error: PaddockError = kind.__new__(kind)  # whatever it is made from: it was made already
    PaddockError.__init__(error, told.attributes["message"])
    vars(error).update(told.attributes)
    return error


def _children(kind: type[PaddockError]) -> list[type[PaddockError]]:
    return [found for child in kind.__subclasses__() for found in (child, *_children(child))]
