"""`env` in tests: values as they are, and bindings whose methods run inside the isolate, where the handler runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Env"]


class Env:
    """The environment of the worker under test.

    `env.NAME` of a variable is its value. `await env.CACHE.get("key")` calls a binding, with the conversions of the
    handler's own SDK; in a test that is no coroutine, `env.CACHE.get("key").result()`.
    """

    def __init__(
        self, values: Callable[[], dict[str, Any]], bindings: Callable[[], dict[str, str]], call: _Call
    ) -> None:
        self._values = values
        self._bindings = bindings
        self._call = call

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        values, bindings = self._values(), self._bindings()
        if name in values:
            return values[name]
        if name in bindings:
            return _Method(self._call, [name])
        known = ", ".join(sorted([*values, *bindings])) or "nothing"
        raise AttributeError(f"env.{name}: the configuration has {known}")

    def __dir__(self) -> list[str]:
        return sorted([*self._values(), *self._bindings()])


class _Method:
    """A binding, or a method of one."""

    def __init__(self, call: _Call, path: list[str]) -> None:
        self._call = call
        self._path = path

    def __getattr__(self, name: str) -> _Method:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Method(self._call, [*self._path, name])

    def __call__(self, *args: object, **kwargs: object) -> Any:
        return self._call(self._path, args, kwargs)

    def __repr__(self) -> str:
        return f"<env.{'.'.join(self._path)}>"


if TYPE_CHECKING:
    _Call = Callable[[list[str], tuple[object, ...], dict[str, object]], Awaitable[Any]]
