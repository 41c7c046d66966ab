"""`worker.entrypoint("Admin")`: methods of the handler's classes, called by a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from paddock.worker import wire
from paddock.worker.testing import http

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from paddock.worker.testing.exchanges import Exchanges
    from paddock.worker.testing.threads import Pending, Start

__all__ = ["DEFAULT_TARGET", "Entrypoint", "Target"]


class Target(NamedTuple):
    """An entrypoint of a worker, and what its `ctx.props` are: JSON text."""

    entrypoint: str = wire.DEFAULT
    props: str = "{}"


DEFAULT_TARGET: Final = Target()


class Entrypoint:
    """Every name that it has not itself is a method of the handler's class. A call has a new instance, as over RPC.

    Arguments and results are copies: what RPC can carry and this process knows, which is plain values, bytes, and
    responses and streams as results. A call raises what the method raises, with the handler's own traceback.
    """

    def __init__(self, start: Start, exchanges: Exchanges, target: Target) -> None:
        self._start = start
        self._exchanges = exchanges
        self._target = target

    def fetch(
        self, target: str | httpx.Request, method: str | None = None, **arguments: Any
    ) -> Pending[httpx.Response]:
        """The response of the entrypoint's `fetch`; as `Paddock.fetch`."""
        request = http.request_for(target, method, arguments)
        return self._start(self._exchanges.response(request, self._target))

    def __getattr__(self, name: str) -> Callable[..., Pending[Any]]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: object, **kwargs: object) -> Pending[Any]:
            return self._start(self._exchanges.call_method(self._target, name, args, kwargs))

        return call
