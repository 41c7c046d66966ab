"""Calls of the handler: which function or method answers, with which arguments, and what its result is in JavaScript.

Source: workerd, Python entrypoint helper and introspection; PW-001 to PW-022, PW-026 to PW-033, PW-039.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.response import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.isolate.context import ExecutionContext
    from paddock.worker.isolate.loader import Entrypoint
    from paddock.worker.isolate.web.objects import JsObject
    from paddock.worker.isolate.web.request import Request

__all__ = ["DEFAULT", "Calls", "missing_method", "relaxed", "settled"]

#: The name of the default entrypoint in targets; its class is called `Default`.
DEFAULT: Final = "default"
#: The platform's text for a handler that returned something else.
_NOT_A_RESPONSE: Final = "Incorrect type for Promise: the Promise did not resolve to 'Response'."


class Calls:
    """Calls the entrypoints of one worker. A new instance of the class serves every call; globals persist (PW-013)."""

    def __init__(self, entrypoint: Entrypoint, env: JsObject) -> None:
        self._entrypoint = entrypoint
        self._env = env

    async def fetch(self, name: str, request: Request, context: ExecutionContext) -> Response:
        """The response of an entrypoint. Raises what the handler raises, and JsException as the platform does."""
        entrypoint = self._entrypoint
        if name == DEFAULT and entrypoint.default is None:
            result = await _flattened(self._function("fetch", request, context))
            return _response(getattr(result, "js_response", result))
        # Era 1 prefixes this method, and no other (PW-012).
        method = "on_fetch" if entrypoint.has_global_handlers else "fetch"
        # The platform hands env and ctx to the constructor, and passes undefined for both here (PW-004).
        return _response(await self._method(name, method, (request, None, None), context, is_relaxed=True))

    async def event(self, kind: str, subject: object, context: ExecutionContext) -> None:
        """Deliver an event that is no fetch to the default entrypoint (PW-026, PW-027)."""
        if self._entrypoint.default is None:
            await _flattened(self._function(kind, subject, context))
        else:
            await self._method(DEFAULT, kind, (subject, None, None), context)

    async def method(self, name: str, method: str, args: tuple[object, ...], context: ExecutionContext) -> object:
        """The result of a method that was called over RPC; exactly the given arguments (PW-039)."""
        if name == DEFAULT and self._entrypoint.default is None:
            raise missing_method(method)
        return await self._method(name, method, args, context)

    async def _method(
        self,
        name: str,
        method: str,
        args: tuple[object, ...],
        context: ExecutionContext,
        *,
        is_relaxed: bool = False,
    ) -> object:
        # The SDK is imported by the handler at the latest; conversions are its own, so that they are production's.
        from workers import python_from_rpc, python_to_rpc

        instance = self._class(name)(context, self._env)
        function = getattr(instance, method, None)
        if not callable(function):
            raise type_error(f"Method {method} does not exist")
        given = [python_from_rpc(argument) for argument in args]
        return python_to_rpc(await settled(relaxed(function, *given) if is_relaxed else function(*given)))

    def _class(self, name: str) -> type:
        if name == DEFAULT:
            assert self._entrypoint.default is not None, "asked for only where there is one"
            return self._entrypoint.default
        if name not in self._entrypoint.named:
            known = ", ".join(sorted(self._entrypoint.named)) or "none"
            raise JsException("Error", f'The entrypoint "{name}" is not exported by {self._entrypoint.file}; '
                                       f"named entrypoints there: {known}")  # fmt: skip
        return self._entrypoint.named[name]

    def _function(self, kind: str, subject: object, context: ExecutionContext) -> object:
        """Call a function of the module, as era 1 has them: raw arguments, as many as it takes (PW-005, PW-006)."""
        function = self._entrypoint.functions.get(f"on_{kind}")
        if function is not None:
            return relaxed(function, subject, self._env, context)
        if self._entrypoint.has_global_handlers:
            raise JsException(
                "Error", f'Python entrypoint "{self._entrypoint.file}" does not export a handler named "on_{kind}"'
            )
        raise JsException("Error", f"Handler does not export a {kind}() function.")


def missing_method(name: str) -> JsException:
    """What the caller of a method gets that may not be called. Source: workerd, worker-rpc."""
    return type_error(f'The RPC receiver does not implement the method "{name}".')


def relaxed(function: Callable[..., object], *args: object) -> object:
    """Call with as many arguments as the function takes; surplus ones are dropped, as the platform drops them."""
    taken = _positional(function)
    return function(*args) if taken is None else function(*args[:taken])


async def settled(result: object) -> object:
    """The result of a call, awaited where it has to be."""
    return await result if inspect.isawaitable(result) else result


async def _flattened(result: object) -> object:
    """What a promise comes to in the end, past promises that it resolves to: era 1 writes `return fetch(request)`."""
    while inspect.isawaitable(result):
        result = await result
    return result


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


def _response(value: object) -> Response:
    if not isinstance(value, Response):
        raise JsException("TypeError", _NOT_A_RESPONSE)
    return value
