"""Events: a fetch of the server becomes a call of the handler, and what it returns becomes the reply.

Source: workerd, Python entrypoint helper; PW-001 to PW-022.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.isolate.context import ExecutionContext
from paddock.worker.isolate.loader import user_frames
from paddock.worker.isolate.sockets import Coupling
from paddock.worker.isolate.transport import CURRENT_EVENT, wire_body
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import current_scope, enter_request
from paddock.worker.isolate.web.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.isolate.loader import Entrypoint
    from paddock.worker.isolate.web.objects import JsObject
    from paddock.worker.peer import IncomingFetch, Peer

__all__ = ["Events"]

logger = logging.getLogger(__name__)

#: The platform's text for a worker without a handler, and for a handler that returned something else.
_NO_HANDLER: Final = "Handler does not export a fetch() function."
_NOT_A_RESPONSE: Final = "Incorrect type for Promise: the Promise did not resolve to 'Response'."
#: Source: workerd, api/http.
_NOT_ASKED_FOR: Final = (
    "Worker tried to return a WebSocket in a response to a request which did not contain the header "
    '"Upgrade: websocket".'
)
#: The server gives a client less than this to answer a Close frame.
_CLOSE_S: Final = 15.0


class Events:
    """Calls the handler. A new instance of the class serves every event; module globals persist (PW-013)."""

    def __init__(self, entrypoint: Entrypoint, env: JsObject, wait_until_s: float) -> None:
        self._entrypoint = entrypoint
        self._env = env
        self._wait_until_s = wait_until_s

    async def serve(self, peer: Peer, incoming: IncomingFetch) -> None:
        """Answer one event; its context ends when its `waitUntil` work is done or has used up its time."""
        CURRENT_EVENT.set(incoming.fetch.id)
        try:
            async with enter_request(), asyncio.timeout(None) as limit, asyncio.TaskGroup() as background:
                carrier = await self._answer(incoming, ExecutionContext(background))
                # The streams of a response are made by this event: it must outlive them.
                await incoming.sent()
                await _finished(carrier)
                limit.reschedule(asyncio.get_running_loop().time() + self._wait_until_s)
        except TimeoutError:
            logger.warning("wait_until_cut limit_s=%s", self._wait_until_s)
        finally:
            peer.send(wire.Finished(incoming.fetch.id))

    async def _answer(self, incoming: IncomingFetch, context: ExecutionContext) -> asyncio.Task[None] | None:
        """Reply. The task that carries the client's messages to the handler, where the answer is a WebSocket."""
        fetch = incoming.fetch
        # What stands in the place of an upgrade's body are the messages that are to come.
        body = None if fetch.is_upgrade else incoming.body
        request = Request.from_parts(fetch.method, fetch.url, fetch.headers, body, cf={})
        try:
            response = await self._call(request, context)
            coupling = _couple(response, incoming)
            body = wire_body(response.payload()) if coupling is None else coupling.said
            status, text, headers = int(response.status), str(response.statusText), tuple(response.header_pairs())
            incoming.reply(status, text, headers, body)
            if coupling is not None and not (incoming.body is None or isinstance(incoming.body, bytes)):
                return current_scope().start(coupling.carry(incoming.body))
        except JsException as error:
            incoming.fault(error.name, error.message, user_frames(error))
        except asyncio.CancelledError as error:  # user code may await a task that was cancelled
            incoming.fault("Error", "The handler was cancelled before it answered.", user_frames(error))
            raise
        except Exception as error:  # user code: whatever it raises becomes the answer
            incoming.fault(type(error).__name__, str(error), user_frames(error))
        return None

    async def _call(self, request: Request, context: ExecutionContext) -> Response:
        if self._entrypoint.default is not None:
            return await self._call_class(self._entrypoint.default, request, context)
        function = self._entrypoint.functions.get("on_fetch")
        if function is None:
            raise _no_handler(self._entrypoint)
        result = await _settled(_relaxed(function, request, self._env, context))
        return _response(getattr(result, "js_response", result))

    async def _call_class(self, entrypoint: type, request: Request, context: ExecutionContext) -> Response:
        # The SDK is imported by the handler at the latest; conversions are its own, so that they are production's.
        from workers import python_from_rpc, python_to_rpc

        instance = entrypoint(context, self._env)
        method = getattr(instance, "fetch", None)
        if method is None:
            raise TypeError("Method fetch does not exist")
        # The platform hands env and ctx to the constructor, and passes undefined for both here (PW-004).
        result = await _settled(_relaxed(method, python_from_rpc(request), None, None))
        return _response(python_to_rpc(result))


def _couple(response: Response, incoming: IncomingFetch) -> Coupling | None:
    """The WebSocket of a response, joined to the client; None where there is none. Raises JsException."""
    socket = response.webSocket
    if not isinstance(socket, WebSocket):
        return None
    if not incoming.fetch.is_upgrade:
        raise JsException("TypeError", _NOT_ASKED_FOR)
    return Coupling(socket.release_end())


async def _finished(carrier: asyncio.Task[None] | None) -> None:
    """Wait for the client's answer to a Close frame, which the handler waits for as well."""
    if carrier is not None:
        await asyncio.wait([carrier], timeout=_CLOSE_S)


def _relaxed(function: Callable[..., object], *args: object) -> object:
    """Call with as many arguments as the function takes; surplus ones are dropped, as the platform drops them."""
    taken = _positional(function)
    return function(*args) if taken is None else function(*args[:taken])


def _positional(function: Callable[..., object]) -> int | None:
    """How many positional arguments it takes; None for any number."""
    plain = getattr(function, "__func__", None)
    if not inspect.isfunction(plain):
        return _count(function)
    taken = _count_once(plain)  # a method is another object for every event, and its function the same
    return None if taken is None else taken - 1


def _count(function: Callable[..., object]) -> int | None:
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


#: Reading a signature takes longer than many a handler.
_count_once: Final = functools.lru_cache(maxsize=16)(_count)


async def _settled(result: object) -> object:
    return await result if inspect.isawaitable(result) else result


def _response(value: object) -> Response:
    if not isinstance(value, Response):
        raise JsException("TypeError", _NOT_A_RESPONSE)
    return value


def _no_handler(entrypoint: Entrypoint) -> Exception:
    if entrypoint.functions:
        return TypeError(f'Python entrypoint "{entrypoint.file}" does not export a handler named "on_fetch"')
    return JsException("Error", _NO_HANDLER)
