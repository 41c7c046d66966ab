"""What the kit asks of an isolate beside events of the handler; the isolate's half is `inside/control.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker import wire
from paddock.worker.testing.errors import BackgroundWorkLeft
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.sending import sent
from paddock.worker.testing.threads import raised_in_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paddock.worker.peer import Answer
    from paddock.worker.supervisor import Supervisor
    from paddock.worker.testing.entrypoints import Target

__all__ = ["KIT", "Controls"]

#: The target of what is for the kit.
KIT: Final = "kit"


class _Account(msgspec.Struct):
    """What there was of background work: where that began which is left, and descriptions of what it raised."""

    #: Whether there was any when it was asked for.
    was_busy: bool
    left: list[str]
    failures: list[str]


class Controls:
    """The kit's own questions to the isolate of one worker."""

    def __init__(self, supervisor: Supervisor, on_failure: set[Callable[[], None]]) -> None:
        """`on_failure`: who waits for something of the handlers that it would never get after a failure."""
        self._supervisor = supervisor
        self._on_failure = on_failure
        self._has_residue = False

    def note_residue(self, has_failed: bool) -> None:
        """The isolate has something that would outlive the test: what it has raised, perhaps."""
        self._has_residue = True
        if has_failed:
            for tell in list(self._on_failure):
                tell()

    async def call_env(self, path: Sequence[str], args: Sequence[object], kwargs: dict[str, object]) -> Answer:
        """Call a method of a binding inside the isolate. The status text says what the answer is."""
        return await self._ask("/call", {"path": path, "args": args, "kwargs": kwargs})

    async def call_method(
        self, target: Target, method: str, args: Sequence[object], kwargs: dict[str, object]
    ) -> Answer:
        """Call a method of an entrypoint inside the isolate. The status text says what the answer is."""
        arguments: dict[str, object] = {
            "entrypoint": target.entrypoint,
            "method": method,
            "args": args,
            "kwargs": kwargs,
        }
        return await self._ask("/method", arguments, target.props)

    async def drain(self, timeout_s: float) -> None:
        """Wait for background work. Raises what it raised, or BackgroundWorkLeft for what did not end."""
        if self._supervisor.is_serving:
            await self._drain(timeout_s, is_final=False)

    async def settle(self, timeout_s: float) -> bool:
        """Drain, if there may be something; whether there was."""
        return self._is_asked() and await self._drain(timeout_s, is_final=False)

    async def clean_up(self, timeout_s: float) -> None:
        """Drain, and have the isolate forget what the test left there. It is not asked where there is nothing.

        Raises as `drain`. Everything that the handler has printed has been shown by then.
        """
        try:
            if self._is_asked():
                self._has_residue = False
                await self._drain(timeout_s, is_final=True)
        finally:
            self.catch_up()

    def catch_up(self) -> None:
        """Show everything that the handler has printed so far."""
        for isolate in self._supervisor.isolates:
            isolate.catch_up()

    def _is_asked(self) -> bool:
        is_busy = any(isolate.open_events for isolate in self._supervisor.isolates)
        return (self._has_residue or is_busy) and self._supervisor.is_serving

    async def _drain(self, timeout_s: float, *, is_final: bool) -> bool:
        answer = await self._ask("/drain", {"timeout_s": timeout_s, "is_final": is_final})
        assert isinstance(answer.body, bytes)
        account = msgspec.msgpack.decode(answer.body, type=_Account)
        _raise_for(account, timeout_s)
        return account.was_busy

    async def _ask(self, path: str, arguments: dict[str, object], props: str = "{}") -> Answer:
        fetch = wire.Fetch(wire.FetchId(0), KIT, "POST", f"http://kit{path}", (), None, props=props)
        return await sent(await self._supervisor.current(), fetch, msgspec.msgpack.encode(arguments), [])


def _raise_for(account: _Account, timeout_s: float) -> None:
    if account.failures:
        raise raised_in_handler(rebuilt("", "", account.failures[0]))
    if account.left:
        places = "\n".join(account.left)
        raise BackgroundWorkLeft(
            f"{len(account.left)} of waitUntil had not ended {timeout_s:g} s after the test. Begun here:\n{places}"
        )
