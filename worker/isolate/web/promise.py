"""Promises: awaitable from Python, chainable as in JavaScript.

Work behind a promise begins at once, as an async function's does in JavaScript, so two calls overlap whether or not
anything awaits them yet. One rule is ours: when the last task that waits for a promise is cancelled, the work behind it
is cancelled too. Production lets it run to the end of the event; here that would keep an engine busy for nobody.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from contextvars import copy_context
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from paddock.worker.isolate.web.classes import JsClass, JsFunction, with_keywords
from paddock.worker.isolate.web.errors import USER_ERRORS, abort_error, as_exception, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
    from types import ModuleType

__all__ = ["Promise", "adopt", "fulfilled", "promised", "rejected", "start"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

_PENDING: Final = "pending"
_FULFILLED: Final = "fulfilled"
_REJECTED: Final = "rejected"


class Promise(JsProxy, Generic[_T], metaclass=JsClass):
    """A value to come. `Promise.new(executor)` as in JavaScript; inside the platform use `pending` and `start`."""

    def __init__(self, executor: Callable[..., object] | None = None) -> None:
        self._setup()
        if not callable(executor):
            raise type_error(f"Promise resolver {executor} is not a function")
        try:
            executor(self._adopt, self._reject)
        except USER_ERRORS as error:  # user code: what an executor raises rejects its promise
            self._reject(error)

    def _setup(self) -> None:
        self._state = _PENDING
        self._value: object = None
        self._reactions: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_handled = False

    @classmethod
    def pending(cls) -> Promise[_T]:
        """A promise that its maker settles."""
        promise = cls.__new__(cls)
        promise._setup()
        return promise

    @classmethod
    def resolve(cls, value: object = None) -> Promise[object]:
        """A promise for a value; for an awaitable, for its result."""
        return adopt(value)

    @classmethod
    def reject(cls, reason: object = None) -> Promise[object]:
        """A promise that is rejected already."""
        return rejected(reason)

    @classmethod
    def all(cls, values: Iterable[object]) -> Promise[object]:
        """All results in order; the first rejection rejects."""
        return start(_combinators().all_of(list(values)))

    @classmethod
    def allSettled(cls, values: Iterable[object]) -> Promise[object]:
        """For each value an object with its `status` and its `value` or `reason`."""
        return start(_combinators().all_settled_of(list(values)))

    @classmethod
    def any(cls, values: Iterable[object]) -> Promise[object]:
        """The first result; an AggregateError where everything was rejected."""
        return start(_combinators().any_of(list(values)))

    @classmethod
    def withResolvers(cls) -> JsObject:
        """An object with a promise and the two functions that settle it."""
        promise: Promise[object] = Promise.pending()
        return JsObject({
            "promise": promise,
            "resolve": JsFunction(promise._adopt, "resolve"),
            "reject": JsFunction(promise._reject, "reject"),
        })  # fmt: skip

    @classmethod
    def try_(cls, function: Callable[..., object], *arguments: object) -> Promise[object]:
        """A promise for what a function returns or raises."""
        try:
            return adopt(function(*arguments))
        except USER_ERRORS as error:  # user code: what it raises rejects the promise
            return rejected(error)

    @classmethod
    def race(cls, values: Iterable[object]) -> Promise[object]:
        """Whatever settles first."""
        first: Promise[object] = Promise.pending()
        for value in values:
            adopt(value)._react(first._resolve, first._reject)
        return first

    def then(self, on_fulfilled: object = None, on_rejected: object = None) -> Promise[object]:
        """A promise for what the callback returns; without a callback the outcome passes through."""
        following: Promise[object] = Promise.pending()

        def run(callback: object, passed_on: Callable[[object], None]) -> Callable[[object], None]:
            if not callable(callback):
                return passed_on

            def call(value: object) -> None:
                try:
                    following._adopt(callback(value))
                except USER_ERRORS as error:  # user code: what a callback raises rejects the next promise
                    following._reject(error)

            return call

        self._react(run(on_fulfilled, following._resolve), run(on_rejected, following._reject))
        return following

    def catch(self, on_rejected: object = None) -> Promise[object]:
        """`then` for rejections only. The callback gets the exception."""
        return self.then(None, on_rejected)

    def finally_(self, on_settled: Callable[[], object]) -> Promise[object]:
        """Call back either way; the outcome passes through unless the callback fails."""

        async def settled() -> object:
            try:
                return await self
            finally:
                await adopt(on_settled())

        return start(settled())

    def __await__(self) -> Generator[object, None, _T]:
        if self._state is _PENDING:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            wake = functools.partial(_wake, future)
            self._is_handled = True
            self._reactions.append(wake)
            try:
                yield from future
            except asyncio.CancelledError:
                self._leave(wake)
                raise
        return self._outcome()

    def _leave(self, wake: Callable[[], None]) -> None:
        """Stop waiting; without anybody else who wants the outcome, the work ends."""
        if wake in self._reactions:
            self._reactions.remove(wake)
            if not self._reactions and self._task is not None:
                self._task.cancel()

    def _outcome(self) -> _T:
        """The value of a settled promise, or its exception raised."""
        self._is_handled = True
        if self._state is _REJECTED:
            raise as_exception(self._value)
        return cast("_T", self._value)

    @property
    def _is_settled(self) -> bool:
        return self._state is not _PENDING

    def _resolve(self, value: object = None) -> None:
        """Settle with a value that is no awaitable."""
        self._settle(_FULFILLED, value)

    def _adopt(self, value: object = None) -> None:
        """Settle with a value, or follow an awaitable."""
        if value is self:
            self._reject(type_error("Chaining cycle detected for promise #<Promise>"))
        elif _is_awaitable(value):
            adopt(value)._react(self._resolve, self._reject)
        else:
            self._resolve(value)

    def _reject(self, reason: object = None) -> None:
        self._settle(_REJECTED, reason)

    def _settle(self, state: str, value: object) -> None:
        if self._state is not _PENDING:
            return  # only the first settlement counts
        self._state, self._value = state, value
        for reaction in self._reactions:
            _soon(reaction)
        self._reactions.clear()

    def _react(self, on_fulfilled: Callable[[object], None], on_rejected: Callable[[object], None]) -> None:
        """Have one of two callbacks called after settling; never before this returns, as in JavaScript."""
        self._is_handled = True
        context = copy_context()

        def react() -> None:
            context.run(on_fulfilled if self._state is _FULFILLED else on_rejected, self._value)

        if self._state is _PENDING:
            self._reactions.append(react)
        else:
            _soon(react)

    def _handled(self) -> Promise[_T]:
        """The same promise, whose rejection nobody needs to look at."""
        self._is_handled = True
        return self

    def __del__(self) -> None:
        if getattr(self, "_state", None) is _REJECTED and not self._is_handled:
            logger.error("unhandled_rejection", exc_info=as_exception(self._value))


def start(coroutine: Coroutine[object, object, _T]) -> Promise[_T]:
    """A promise for a coroutine, which begins at once. Needs a running event loop."""
    promise: Promise[_T] = Promise.pending()

    async def run() -> None:
        try:
            value = await coroutine
        except USER_ERRORS as error:  # user code: whatever it raises is the rejection
            promise._reject(error)
        else:
            promise._adopt(value)

    def settle(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            coroutine.close()  # it may have been cancelled before its first step
            promise._handled()._reject(abort_error())

    promise._task = current_scope().start(run())
    promise._task.add_done_callback(settle)
    return promise


def adopt(value: object) -> Promise[object]:
    """A promise for anything: promises as they are, Python's awaitables started, other values settled already."""
    if isinstance(value, Promise):
        return value
    if inspect.iscoroutine(value):
        return start(value)
    if _is_awaitable(value):
        return start(_awaited(cast("Awaitable[object]", value)))
    return fulfilled(value)


def fulfilled(value: _T) -> Promise[_T]:
    """A promise settled with a value that is no awaitable."""
    promise: Promise[_T] = Promise.pending()
    promise._resolve(value)
    return promise


def rejected(reason: object) -> Promise[Any]:
    """A promise that is rejected already."""
    promise: Promise[Any] = Promise.pending()
    promise._reject(reason)
    return promise


def promised(method: Callable[..., Coroutine[object, object, _T]]) -> Callable[..., Promise[_T]]:
    """Makes an async method one of JavaScript's: it begins when called, and keywords fold into a trailing object."""

    @functools.wraps(method)
    def begin(self: object, *args: object, **members: object) -> Promise[_T]:
        return start(method(self, *with_keywords(args, members)))

    return begin


def _combinators() -> ModuleType:
    return import_module("paddock.worker.isolate.web.combinators")  # which imports this module


def _is_awaitable(value: object) -> bool:
    return isinstance(value, Promise) or inspect.isawaitable(value)


async def _awaited(value: Awaitable[object]) -> object:
    return await value


def _soon(callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(callback)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
