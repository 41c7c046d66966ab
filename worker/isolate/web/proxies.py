"""Python objects handed to JavaScript: `create_proxy`, `create_once_callable`, `destroy_proxies`.

Here both languages are one, so a proxy only forwards. What it adds is the life cycle that production has: a destroyed
proxy cannot be used again (PW-119).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import TypedArray, typed_array
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsProxy, Unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OnceCallable", "PyBuffer", "PyProxy", "create_once_callable", "create_proxy", "destroy_proxies"]

_CALLED: Final = "OnceProxy can only be called once"


class PyProxy(JsProxy):
    """A Python object as JavaScript sees it: its attributes, and a call if it is callable.

    The members of a dict can be read like attributes, which is how JavaScript reads options.
    """

    _js_name = "PyProxy"

    def __init__(self, target: object, captures_this: bool = False) -> None:
        self._target = target
        self._captures_this = captures_this
        self._is_destroyed = False

    def unwrap(self) -> object:
        """The Python object itself."""
        self._check()
        return self._target

    def destroy(self) -> None:
        """Let the object go; every later use raises."""
        self._is_destroyed = True
        self._target = None

    def copy(self) -> PyProxy:
        """Another proxy of the same object, with a life of its own."""
        self._check()
        return type(self)(self._target, self._captures_this)

    def getBuffer(self, kind: str | None = None) -> PyBuffer:
        """The bytes of a buffer object, without a copy."""
        self._check()
        return PyBuffer(self._target)

    def toString(self) -> str:
        self._check()
        return str(self._target)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        self._check()
        if isinstance(self._target, dict) and name in self._target:
            return self._target[name]
        return getattr(self._target, name)

    def _check(self) -> None:
        if self._is_destroyed:
            raise JsException("Error", "Object has already been destroyed")


class _CallableProxy(PyProxy):
    """A proxy of a callable."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._call_on(None, *args, **kwargs)

    def _call_on(self, this: object, *args: object, **kwargs: object) -> object:
        """Call as a method of `this`, which is the first argument if the proxy captures it."""
        self._check()
        target = cast("Callable[..., object]", self._target)
        return target(this, *args, **kwargs) if self._captures_this else target(*args, **kwargs)


class _AwaitableProxy(PyProxy):
    """A proxy of a coroutine, a task or a future."""

    def __await__(self) -> object:
        self._check()
        return self._target.__await__()  # type: ignore[attr-defined]  # only made for awaitables


class OnceCallable(_CallableProxy):
    """A function that destroys itself with its first call."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self._is_destroyed:
            raise JsException("Error", _CALLED)
        target = cast("Callable[..., object]", self._target)
        self.destroy()
        return target(*args, **kwargs)

    def _call_on(self, this: object, *args: object, **kwargs: object) -> object:
        return self(*args, **kwargs)


class _Passing(PyProxy, Unwrapped):
    """A proxy that comes back to Python as the object itself."""


class _PassingCallable(_CallableProxy, Unwrapped):
    """Such a proxy of a callable."""


class _PassingAwaitable(_AwaitableProxy, Unwrapped):
    """Such a proxy of an awaitable."""


class PyBuffer(JsProxy):
    """What `getBuffer()` returns. `data` is a typed array on the object's own memory."""

    def __init__(self, source: object) -> None:
        try:
            view = memoryview(source)  # type: ignore[arg-type]  # asks whether it is a buffer
        except TypeError as error:
            raise type_error("Object does not support the buffer protocol") from error
        self._shape, self._format, self._is_readonly = view.shape, view.format, view.readonly
        kind = type(typed_array(view[:0]))
        # The storage itself where it can be: an array may live on bytes and bytearrays, other buffers are copied.
        data = source if isinstance(source, bytes | bytearray) else bytearray(view.tobytes())
        self._data: TypedArray | None = kind.over(data)

    @property
    def data(self) -> TypedArray:
        if self._data is None:
            raise JsException("Error", "Buffer has already been released")
        return self._data

    @property
    def format(self) -> str:
        return self._format

    @property
    def readonly(self) -> bool:
        return self._is_readonly

    @property
    def nbytes(self) -> int:
        return self.data.byteLength

    def release(self) -> None:
        """Let the memory go."""
        self._data = None


def create_proxy(obj: object, /, *, capture_this: bool = False, roundtrip: bool = True) -> PyProxy:
    """A proxy that lives until it is destroyed.

    With `capture_this`, a function gets the object whose method it is called as, before the other arguments. Without
    `roundtrip`, what JavaScript hands back is the object itself and not the proxy.
    """
    if callable(obj):
        return (_CallableProxy if roundtrip else _PassingCallable)(obj, capture_this)
    if hasattr(obj, "__await__"):
        return (_AwaitableProxy if roundtrip else _PassingAwaitable)(obj)
    return (PyProxy if roundtrip else _Passing)(obj)


def create_once_callable(obj: Callable[..., object], /) -> OnceCallable:
    """A function for one call."""
    return OnceCallable(obj)


def destroy_proxies(proxies: object, /) -> None:
    """Destroy every proxy in a JavaScript array. Raises a TypeError for anything else, as production does."""
    if not isinstance(proxies, JsArray):
        raise TypeError("destroy_proxies: expected a JsArray, such as to_js([...]) makes")
    for proxy in proxies._items:
        if isinstance(proxy, PyProxy):
            proxy.destroy()
