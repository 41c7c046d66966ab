"""`AbortController` and `AbortSignal`, and the events they send.

Source: DOM standard, "Aborting ongoing activities", "Events".
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from paddock.worker.isolate.web.borrowed import expired
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import JsException, abort_error, as_exception, type_error
from paddock.worker.isolate.web.objects import JsProxy, call_on, read
from paddock.worker.isolate.web.promise import adopt
from paddock.worker.isolate.web.scope import current_scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

__all__ = ["AbortController", "AbortSignal", "CustomEvent", "Event", "EventTarget", "aborting"]


class Event(JsProxy, metaclass=JsClass):
    """Something that happened."""

    def __init__(self, kind: str, init: object = None) -> None:
        self._type = kind
        self._target: object = None
        self._is_cancelable = bool(read(init, "cancelable"))
        self._is_prevented = False

    @property
    def type(self) -> str:
        return self._type

    @property
    def target(self) -> object:
        return self._target

    @property
    def defaultPrevented(self) -> bool:
        return self._is_prevented

    def preventDefault(self) -> None:
        self._is_prevented = self._is_cancelable


class CustomEvent(Event):
    """An event with something in it."""

    def __init__(self, kind: str, init: object = None) -> None:
        super().__init__(kind, init)
        self._detail = read(init, "detail")

    @property
    def detail(self) -> object:
        return self._detail


class EventTarget(JsProxy, metaclass=JsClass):
    """Calls listeners back. A listener is a function, or an object with `handleEvent`."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[object, bool]] = {}

    def addEventListener(self, kind: str, listener: object, options: object = None, **members: object) -> None:
        once = bool(members.get("once", read(options, "once")))
        self._listeners.setdefault(kind, {}).setdefault(expired(listener), once)

    def removeEventListener(self, kind: str, listener: object, options: object = None) -> None:
        self._listeners.get(kind, {}).pop(listener, None)

    def dispatchEvent(self, event: Event) -> bool:
        """Call the listeners of the event's type, and the `on...` attribute of that name.

        The first one that raises ends it, and its exception goes to the caller. Coroutines are started.
        """
        event._target = self
        handler = self.__dict__.get(f"on{event.type}")
        if callable(handler):
            _start(call_on(self, handler, event))
        listeners = self._listeners.get(event.type, {})
        for listener, once in list(listeners.items()):
            if once:
                listeners.pop(listener, None)
            called = listener if callable(listener) else read(listener, "handleEvent")
            if callable(called):
                _start(call_on(self, called, event))
        return not event.defaultPrevented


def _start(result: object) -> None:
    """Let a listener run on that is a coroutine; nobody waits for it."""
    if result is not None:
        adopt(result)


class AbortSignal(EventTarget):
    """Tells operations that they are no longer wanted."""

    def __init__(self) -> None:
        raise type_error("Illegal constructor")

    @classmethod
    def pending(cls) -> AbortSignal:
        """A signal that its maker may abort."""
        signal = cls.__new__(cls)
        EventTarget.__init__(signal)
        signal._is_aborted = False
        signal._reason = None
        signal._callbacks = []
        return signal

    _is_aborted: bool
    _reason: object
    _callbacks: list[Callable[[object], None]]

    @classmethod
    def abort(cls, reason: object = None) -> AbortSignal:
        """A signal that is aborted already."""
        signal = cls.pending()
        signal.fire(reason)
        return signal

    @classmethod
    def timeout(cls, delay_ms: float) -> AbortSignal:
        """A signal that is aborted after a time in milliseconds."""
        signal = cls.pending()
        error = JsException("TimeoutError", "The operation was aborted due to timeout")
        current_scope().start_timer(delay_ms / 1000, lambda: signal.fire(error))
        return signal

    @classmethod
    def any(cls, signals: Iterable[object]) -> AbortSignal:
        """A signal that is aborted as soon as one of several is."""
        combined = cls.pending()
        for signal in signals:
            cast("AbortSignal", signal).when_aborted(combined.fire)
        return combined

    @property
    def aborted(self) -> bool:
        return self._is_aborted

    @property
    def reason(self) -> object:
        return self._reason

    def throwIfAborted(self) -> None:
        if self._is_aborted:
            raise as_exception(self._reason)

    def when_aborted(self, callback: Callable[[object], None]) -> Callable[[], None]:
        """Call back with the reason, at once if it has happened. The result takes the callback away again."""
        if self._is_aborted:
            callback(self._reason)
            return lambda: None
        self._callbacks.append(callback)

        def forget() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return forget

    def fire(self, reason: object = None) -> None:
        """Abort. Only the first time counts."""
        if self._is_aborted:
            return
        self._is_aborted = True
        self._reason = abort_error() if reason is None else reason
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self._reason)
        self.dispatchEvent(Event.new("abort"))


class AbortController(JsProxy, metaclass=JsClass):
    """Owner of a signal."""

    def __init__(self) -> None:
        self._signal = AbortSignal.pending()

    @property
    def signal(self) -> AbortSignal:
        return self._signal

    def abort(self, reason: object = None) -> None:
        self._signal.fire(reason)


@asynccontextmanager
async def aborting(signal: AbortSignal | None) -> AsyncIterator[None]:
    """Run a block until the signal is aborted: then the block is cancelled and the signal's reason raised."""
    if signal is None:
        yield
        return
    signal.throwIfAborted()
    task = asyncio.current_task()
    assert task is not None, "runs in a task"
    is_ours = False

    def interrupt(_reason: object) -> None:
        nonlocal is_ours
        is_ours = True
        task.cancel()

    forget = signal.when_aborted(interrupt)
    try:
        yield
    except asyncio.CancelledError:
        # As asyncio.timeout() does: a cancel that came from elsewhere as well stays a cancel.
        if is_ours and task.uncancel() <= 0:
            raise as_exception(signal.reason) from None
        raise
    finally:
        forget()
