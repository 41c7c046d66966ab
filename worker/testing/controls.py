"""What the kit asks of an isolate beside events of the handler; the isolate's half is `inside/control.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker import wire
from paddock.worker.testing.errors import BackgroundWorkLeft
from paddock.worker.testing.printmarks import PrintMark
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.sending import sent
from paddock.worker.testing.threads import raised_in_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paddock.worker.peer import Answer
    from paddock.worker.supervisor import Supervisor

__all__ = ["Controls"]

#: The target of what is for the kit.
_KIT: Final = "kit"
_PRINT_S: Final = 1.0


class _Account(msgspec.Struct):
    """What there was of background work: where that began which is left, and descriptions of what it raised."""

    left: list[str]
    failures: list[str]


class Controls:
    """The kit's own questions to the isolate of one worker."""

    def __init__(self, supervisor: Supervisor, *, prints: bool) -> None:
        """`prints` where the handler's streams come to us, rather than being those of the tests."""
        self._supervisor = supervisor
        self._prints = prints
        self._mark: PrintMark | None = None

    async def call_env(self, path: Sequence[str], args: Sequence[object], kwargs: dict[str, object]) -> Answer:
        """Call a method of a binding inside the isolate. The status text says what the answer is."""
        return await self._ask("/call", {"path": path, "args": args, "kwargs": kwargs})

    async def drain(self, timeout_s: float, *, is_final: bool = False) -> None:
        """Wait for background work. Raises what it raised, or BackgroundWorkLeft for what did not end.

        With `is_final` everything that the handler has printed has been shown by then.
        """
        if not self._supervisor.is_serving:
            return
        mark = self._new_mark() if is_final and self._prints else None
        arguments = {"timeout_s": timeout_s, "is_final": is_final, "mark": mark.text if mark else ""}
        answer = await self._ask("/drain", arguments)
        assert isinstance(answer.body, bytes)
        if mark is not None:
            await mark.seen(_PRINT_S)
        _raise_for(msgspec.msgpack.decode(answer.body, type=_Account), timeout_s)

    async def flush(self) -> None:
        """Return when everything that the handler has printed so far has been shown."""
        if self._supervisor.is_serving and self._prints:
            mark = self._new_mark()
            await self._ask("/flush", {"mark": mark.text})
            await mark.seen(_PRINT_S)

    def without_marks(self, on_line: Callable[[str, str], None]) -> Callable[[str, str], None]:
        """What gets the lines that the isolate prints, and hands on those of the handler."""

        def heard(stream: str, line: str) -> None:
            if self._mark is None or not self._mark.is_in(stream, line):
                on_line(stream, line)

        return heard

    def _new_mark(self) -> PrintMark:
        self._mark = PrintMark()
        return self._mark

    async def _ask(self, path: str, arguments: dict[str, object]) -> Answer:
        fetch = wire.Fetch(wire.FetchId(0), _KIT, "POST", f"http://kit{path}", (), None)
        return await sent(await self._supervisor.current(), fetch, msgspec.msgpack.encode(arguments), [])


def _raise_for(account: _Account, timeout_s: float) -> None:
    if account.failures:
        raise raised_in_handler(rebuilt("", "", account.failures[0]))
    if account.left:
        places = "\n".join(account.left)
        raise BackgroundWorkLeft(
            f"{len(account.left)} of waitUntil had not ended {timeout_s:g} s after the test. Begun here:\n{places}"
        )
