"""What tests ask of an isolate, beside events of the handler: calls of `env` and of the handler's own methods, and an
account of background work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from paddock.bindings.binding import FetchRequest
from paddock.worker.isolate.calls import missing_method, settled
from paddock.worker.isolate.rpc import LASTING, crossed
from paddock.worker.isolate.transport import wire_body
from paddock.worker.isolate.web.caches import CACHES
from paddock.worker.isolate.web.classes import with_keywords
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.testing.inside.background import LEDGER
from paddock.worker.testing.inside.residue import RESIDUE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paddock.worker.isolate.calls import Calls
    from paddock.worker.isolate.context import ExecutionContext
    from paddock.worker.peer import IncomingFetch

__all__ = ["TARGET", "answer"]

#: The target of a fetch that is for the kit, not for the handler.
TARGET: Final = "kit"
_ARGUMENTS_BYTES: Final = 100_000_000


class _Call(msgspec.Struct):
    path: list[str]
    args: list[Any]
    kwargs: dict[str, Any]


class _Method(msgspec.Struct):
    entrypoint: str
    method: str
    args: list[Any]
    kwargs: dict[str, Any]


class _Drain(msgspec.Struct):
    timeout_s: float
    #: Forget everything that a test leaves behind, its open work included.
    is_final: bool = False


async def answer(incoming: IncomingFetch, context: ExecutionContext, calls: Calls) -> None:
    """Do what the path of the URL names. What it raises reaches the test as if the handler had raised it."""
    body = await FetchRequest("POST", incoming.fetch.url, (), incoming.body).read(_ARGUMENTS_BYTES)
    path = urlsplit(incoming.fetch.url).path
    if path == "/method":
        await _call_method(incoming, body, context, calls)
    else:
        await _ANSWERS[path](incoming, body, context)


async def _call_method(incoming: IncomingFetch, body: bytes, context: ExecutionContext, calls: Calls) -> None:
    """Call a method of an entrypoint as over RPC; it raises what the method raises, not what RPC makes of that."""
    from workers import python_from_rpc, python_to_rpc

    asked = msgspec.msgpack.decode(body, type=_Method)
    if asked.method.startswith("_"):
        raise missing_method(asked.method)
    given = with_keywords(tuple(crossed(python_to_rpc(argument)) for argument in asked.args), asked.kwargs)
    result = crossed(await calls.method(asked.entrypoint, asked.method, given, context))
    _reply(incoming, result if isinstance(result, LASTING) else python_from_rpc(result))


async def _call(incoming: IncomingFetch, body: bytes, context: ExecutionContext) -> None:
    """Call a method of a binding as the handler would, with the SDK's own conversions."""
    call = msgspec.msgpack.decode(body, type=_Call)
    target = _env(context)
    for name in call.path:
        target = getattr(target, name)
    _reply(incoming, await settled(target(*call.args, **call.kwargs) if callable(target) else target))


def _reply(incoming: IncomingFetch, result: Any) -> None:
    """Answer with a result; the status text says what it is."""
    result = getattr(result, "js_object", result)  # the SDK's own classes around the platform's
    if isinstance(result, Response):
        headers = tuple(result.header_pairs())
        incoming.reply(int(result.status), "response", headers, wire_body(result.payload()))
    elif isinstance(result, ReadableStream):
        incoming.reply(200, "stream", (), wire_body(result))
    else:
        incoming.reply(200, "value", (), msgspec.msgpack.encode(_plain(result)))


async def _drain(incoming: IncomingFetch, body: bytes, context: ExecutionContext) -> None:
    asked = msgspec.msgpack.decode(body, type=_Drain)
    was_busy, left = await LEDGER.drain(asked.timeout_s)
    if asked.is_final:
        LEDGER.abandon()
        CACHES._store.clear()
        RESIDUE.forget()
    account = {"was_busy": was_busy, "left": left, "failures": LEDGER.take_failures()}
    incoming.reply(200, "value", (), msgspec.msgpack.encode(account))


def _env(context: ExecutionContext) -> Any:
    """`env` as a handler of this worker gets it."""
    entrypoint: Any = type("Probe", (import_module("workers").WorkerEntrypoint,), {})
    return entrypoint(context, import_module("_pyodide_entrypoint_helper").cloudflareWorkersModule.env).env


def _plain(value: object) -> object:
    """The value as a test gets it. Raises TypeError for what has no meaning in another process."""
    match value:
        case None | bool() | int() | float() | str() | bytes():
            return value
        case dict():
            return {str(name): _plain(member) for name, member in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bytearray() | memoryview():
            return bytes(value)
        case JsProxy():
            converted = value.to_py()
            if converted is not value:
                return _plain(converted)
    raise TypeError(f"a result of type {type(value).__name__} cannot leave the isolate: call it in the handler")


_ANSWERS: Final[dict[str, Callable[[IncomingFetch, bytes, ExecutionContext], Awaitable[None]]]] = {
    "/call": _call,
    "/drain": _drain,
}
