"""What a test sends to its worker, on the loop: noted in the timeline, and failed by calls that had no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.worker.testing import http
from paddock.worker.testing.entrypoints import DEFAULT_TARGET
from paddock.worker.testing.errors import BackgroundWorkLeft, NetworkBlocked, UnexpectedAiCall
from paddock.worker.testing.events import EventResult
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.sending import whole
from paddock.worker.testing.threads import raised_in_handler

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import httpx

    from paddock.bindings.binding import FetchRequest
    from paddock.worker.peer import Answer
    from paddock.worker.testing.actor import Actor
    from paddock.worker.testing.entrypoints import Target
    from paddock.worker.testing.props import Play
    from paddock.worker.triggers import Outcome

__all__ = ["Exchanges"]

#: How long background work may take to say why a WebSocket has broken off.
_SETTLE_S: Final = 1.0


class Exchanges:
    """Those of one test with one worker. Each raises what the handler raises, UnexpectedAiCall and NetworkBlocked."""

    def __init__(self, actor: Actor, play: Play, *, shows_name: bool = False) -> None:
        """With `shows_name` the timeline says which worker it was."""
        self.actor = actor
        self._play = play
        self._prefix = f"{actor.config.name}: " if shows_name else ""

    async def response(self, request: httpx.Request, target: Target = DEFAULT_TARGET) -> httpx.Response:
        """The worker's response, read to its end."""
        answer = await whole(await self.answer(http.fetch_request(request, request.read()), target))
        self.explain(None)
        return http.response_of(answer, request)

    async def answer(
        self, request: FetchRequest, target: Target = DEFAULT_TARGET, *, is_upgrade: bool = False
    ) -> Answer:
        """The worker's answer, whose body may be still to come. With `is_upgrade` the request is for a WebSocket."""
        with self._play.timeline.spans("request", f"{self._prefix}{request.method} {request.url}") as span:
            try:
                answer = await self.actor.fetch(request, target, is_upgrade=is_upgrade)
            except Exception as error:
                self.explain(error)
                raise
            span.end(str(answer.status))
            return answer

    async def deliver(self, kind: str, arguments: bytes, headers: tuple[tuple[str, str], ...] = ()) -> EventResult:
        """What the handler makes of an event that is no request."""
        with self._play.timeline.spans("event", f"{self._prefix}{kind}") as span:
            outcome: Outcome = await self.actor.deliver(kind, arguments, headers)
            if outcome.outcome == "exception":
                error = raised_in_handler(rebuilt("", "", outcome.error))
                self.explain(error)
                raise error
            span.end(outcome.outcome)
        self.explain(None)
        return EventResult.of(outcome)

    async def call_env(self, path: list[str], args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
        """What a method of a binding returns: a plain value, the bytes of a stream, or a response."""
        return await self._value(self.actor.controls.call_env(path, args, kwargs))

    async def call_method(
        self, target: Target, method: str, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> Any:
        """What a method of an entrypoint returns; as `call_env`."""
        with self._play.timeline.spans("call", f"{self._prefix}{target.entrypoint}.{method}") as span:
            value = await self._value(self.actor.controls.call_method(target, method, args, kwargs))
            span.end(repr(value))
        self.explain(None)
        return value

    async def _value(self, asked: Coroutine[Any, Any, Answer]) -> Any:
        try:
            answer = await asked
        except Exception as error:
            self.explain(error)
            raise
        self.explain(None)
        if answer.status_text == "value":
            assert isinstance(answer.body, bytes)
            return msgspec.msgpack.decode(answer.body)
        if answer.status_text == "stream":
            return (await whole(answer)).body
        return http.plain_response(await whole(answer))

    def note(self, kind: str, text: str) -> None:
        """Something that has its place in the timeline."""
        self._play.timeline.note(kind, f"{self._prefix}{text}")

    async def explain_break(self) -> None:
        """Raise why a WebSocket has broken off: what a listener or background work has raised, if anything has."""
        for actor in self.actor.cast.actors.values():  # it may lead on to another worker
            try:
                await actor.controls.drain(_SETTLE_S)
            except BackgroundWorkLeft:
                pass  # it is the end of the test that waits for it
            except Exception as error:
                self.explain(error)
                raise
        self.explain(None)

    def explain(self, error: BaseException | None) -> None:
        """Raise UnexpectedAiCall or NetworkBlocked where the test had no answer, whatever the handler made of it."""
        for kind, take in (
            (UnexpectedAiCall, self._play.ai.take_problems),
            (NetworkBlocked, self._play.outbound.take_problems),
        ):
            if problems := take():
                unexpected = kind("\n".join(problems))
                unexpected.__cause__ = error
                raise raised_in_handler(unexpected)
