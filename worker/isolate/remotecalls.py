"""RPC with other isolates: calls of theirs, and what of this one they may call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from paddock.worker import wire
from paddock.worker.channel import whole
from paddock.worker.isolate.calls import missing_method
from paddock.worker.isolate.depth import next_depth
from paddock.worker.isolate.exports import Exports
from paddock.worker.isolate.rpc import JsRpcStub, crossed
from paddock.worker.isolate.rpcwire import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from paddock.worker.isolate.calls import Calls
    from paddock.worker.isolate.context import ExecutionContext
    from paddock.worker.isolate.transport import Transport
    from paddock.worker.peer import IncomingFetch

__all__ = ["RemoteCalls"]


class RemoteCalls:
    """`isolate` is the number by which others find the functions of this one."""

    def __init__(self, transport: Transport, isolate: int) -> None:
        self.transport = transport
        self._isolate = isolate
        self._exports = Exports()
        #: By event: the functions that its result has.
        self._given: dict[int, tuple[str, ...]] = {}

    async def call(self, target: str, verb: str, name: str, args: tuple[object, ...]) -> object:
        """What a method or a function of another isolate returns. Raises JsException with what it raised.

        Functions among the arguments can be called until then, as in production.
        """
        packed = pack([crossed(argument) for argument in args], self._exports, self._isolate)
        try:
            answer = await self.transport.call(target, verb, name, packed.payload, packed.parts, next_depth())
            (result,) = unpack(await whole(answer.body), answer.parts, self._stub)
        finally:
            self._exports.withdraw(packed.tokens)
        return result

    def _stub(self, isolate: int, token: str) -> JsRpcStub:
        async def call(*args: object) -> object:
            return await self.call(str(isolate), wire.STUB, token, args)

        return JsRpcStub(call)

    async def work(
        self, incoming: IncomingFetch, calls: Calls, context: ExecutionContext
    ) -> Coroutine[object, object, object]:
        """What an event of another isolate's call asks for: to be run, and its result given to `reply`."""
        fetch = incoming.fetch
        args = unpack(await whole(incoming.body), incoming.parts, self._stub)
        if fetch.target == wire.STUB:
            return _called(self._exports.find(fetch.method), args)
        if fetch.method.startswith("_"):
            raise missing_method(fetch.method)
        return calls.method(fetch.entrypoint, fetch.method, tuple(args), context)

    def reply(self, incoming: IncomingFetch, result: object) -> None:
        """Answer with a result. Raises JsException for one that cannot be sent.

        If it has functions, the event lasts until the caller's is over: a body that is never written stands for the
        caller's hold on them, and the server closes it with the caller's event.
        """
        packed = pack([crossed(result)], self._exports, self._isolate)
        hold = (_Hold(),) if packed.tokens else ()
        incoming.reply(200, "OK", (), packed.payload, parts=(*packed.parts, *hold))
        if packed.tokens:
            self._given[incoming.fetch.id] = packed.tokens

    def forget(self, event: int) -> None:
        """The event is over: nobody may call the functions of its result any more."""
        self._exports.withdraw(self._given.pop(event, ()))


async def _called(stub: JsRpcStub, args: list[object]) -> object:
    return await stub(*args)


class _Hold:
    """A body that nobody reads: its end is all that matters. A ByteSource."""

    async def pull(self) -> bytes | None:
        await asyncio.get_running_loop().create_future()
        return None

    async def cancel(self, reason: object) -> None:
        """Nothing to stop."""
