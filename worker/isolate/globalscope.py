"""What the handler may not do while it is imported: get entropy, start timers, do I/O.

Source: workerd, io-context and topLevelEntropy; PW-104, PW-159, PW-160. Timers and the platform's own I/O are refused
where they begin (web/scope.py); Python's sockets, and the timers of its loop, here.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NoReturn

from paddock.worker.isolate.entropy import refused
from paddock.worker.isolate.importpatches import patching
from paddock.worker.isolate.web.scope import require_request, set_strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["global_scope"]

#: True in what the handler's import runs, the tasks that it starts included: the loop has others, of the isolate's own.
_is_importing: Final[ContextVar[bool]] = ContextVar("is_importing", default=False)
_CONNECTING: Final = ("connect", "connect_ex", "sendto")


@contextmanager
def global_scope(folder: Path, *, is_strict: bool) -> Iterator[None]:
    """The import of a handler in this folder. What is not strict warns instead of raising."""
    set_strict(is_strict)
    # What the patches do at the end needs the entropy that comes back before.
    with (
        _no_sockets(is_strict=is_strict),
        _no_timers(is_strict=is_strict),
        patching(folder),
        refused(is_strict=is_strict),
    ):
        yield


@contextmanager
def _no_sockets(*, is_strict: bool) -> Iterator[None]:
    if not is_strict:
        yield
        return
    getaddrinfo = socket.getaddrinfo
    socket.getaddrinfo = _refuse
    for name in _CONNECTING:  # inherited from a class in C: what is set here hides it
        setattr(socket.socket, name, _refuse)
    try:
        yield
    finally:
        socket.getaddrinfo = getaddrinfo
        for name in _CONNECTING:
            delattr(socket.socket, name)


@contextmanager
def _no_timers(*, is_strict: bool) -> Iterator[None]:
    loop = asyncio._get_running_loop()
    if not is_strict or loop is None:
        yield
        return
    call_later = loop.call_later

    def refused_later(delay: float, callback: Callable[..., object], *args: Any, **options: Any) -> asyncio.TimerHandle:
        if delay > 0 and _is_importing.get():
            require_request()
        return call_later(delay, callback, *args, **options)

    token = _is_importing.set(True)
    loop.call_later = refused_later  # type: ignore[method-assign,assignment]  # for as long as the import takes
    try:
        yield
    finally:
        del loop.call_later
        _is_importing.reset(token)


def _refuse(*_args: object, **_options: object) -> NoReturn:
    require_request()
    raise AssertionError("there is no event while the handler is imported")
