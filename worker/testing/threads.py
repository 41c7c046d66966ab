"""The loop that workers under test live on: in a thread of its own, so that tests of every style can use it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Protocol

    class Start(Protocol):
        """Begins work on the loop of a worker."""

        def __call__(self, work: Coroutine[Any, Any, _T], /) -> Pending[_T]: ...


__all__ = ["LoopThread", "Pending", "in_thread", "raised_in_handler"]

_T = TypeVar("_T")
_LOST: Final = (
    "nobody has awaited what this began, or taken its result(): it may be half done, and what it raises is lost"
)


class Pending(Generic[_T]):
    """Work that has begun: await it in a test of asyncio or anyio, or take its `result()` in any other."""

    def __init__(self, future: concurrent.futures.Future[_T]) -> None:
        self._future = future
        self._is_taken = False

    def __del__(self) -> None:
        if not self._is_taken:
            warnings.warn(_LOST, RuntimeWarning, stacklevel=2)

    def __await__(self) -> Generator[Any, None, _T]:
        self._is_taken = True
        return self._awaited().__await__()

    async def _awaited(self) -> _T:
        __tracebackhide__ = True
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # trio
            import anyio.to_thread

            await anyio.to_thread.run_sync(self._wait, abandon_on_cancel=True)
            return self.result()
        try:
            return await asyncio.wrap_future(self._future)
        except Exception as error:
            raise _as_raised(error)  # noqa: B904 - it is the same error

    def may_be_left(self) -> Self:
        """Nobody has to await it: what it raises is raised elsewhere, too."""
        self._is_taken = True
        return self

    def result(self, timeout_s: float | None = None) -> _T:
        """What came of it. Blocks; raises what the work raised, and TimeoutError. What interrupts it, as Ctrl-C does,
        gives the work up.
        """
        __tracebackhide__ = True
        self._is_taken = True
        try:
            return self._future.result(timeout_s)
        except Exception as error:
            raise _as_raised(error)  # noqa: B904 - it is the same error
        except BaseException:
            self._future.cancel()
            raise

    def _wait(self) -> None:
        concurrent.futures.wait([self._future])


def raised_in_handler(error: BaseException) -> BaseException:
    """The error, which from now on shows no frames but those that it has."""
    error.__paddock_traceback__ = error.__traceback__  # type: ignore[attr-defined]  # for `_as_raised`
    return error


def _as_raised(error: Exception) -> Exception:
    """The error without the frames that it came by."""
    return error.with_traceback(getattr(error, "__paddock_traceback__", error.__traceback__))


async def in_thread(function: Callable[[], _T]) -> _T:
    """What a blocking function returns, in a coroutine of asyncio or trio."""
    import anyio.to_thread

    return await anyio.to_thread.run_sync(function)


class LoopThread:
    """An event loop in a thread. Processes that the loop starts die with the thread."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()  # as in the dev server
        self._before: list[Callable[[], object]] = []
        self._thread = threading.Thread(target=self._run, name="paddock-testing", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, _T]) -> Pending[_T]:
        """Begin work on the loop, from any other thread."""
        before, self._before = self._before, []
        return Pending(asyncio.run_coroutine_threadsafe(_behind(before, work) if before else work, self._loop))

    def call(self, function: Callable[[], object]) -> None:
        """Have the loop call a function soon."""
        self._loop.call_soon_threadsafe(function)

    def call_before_next(self, function: Callable[[], object]) -> None:
        """Have the loop call a function before the next work begins: the thread need not wake for it alone."""
        self._before.append(function)

    def stop(self) -> None:
        """End the thread. Whoever has work on the loop has to end it first."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()


async def _behind(functions: list[Callable[[], object]], work: Coroutine[Any, Any, _T]) -> _T:
    for function in functions:
        function()
    return await work
