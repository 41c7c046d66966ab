"""Python functions that were passed to JavaScript without `create_proxy`.

Source: Pyodide, "Type conversions", "Calling JavaScript functions from Python". A function passed as an argument is
lent for the length of the call: whoever keeps it for later, as timers, listeners and streams do, finds that it is gone.
Code that works without this rule fails in production; `strict = false` warns of it instead.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.scope import is_strict

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lent", "expired", "is_python_function", "lend"]

logger = logging.getLogger(__name__)

_GONE: Final = (
    "This borrowed proxy was automatically destroyed at the end of a function call. Try using create_proxy or "
    "create_once_callable."
)


class Lent(JsProxy):
    """A function for as long as one call lasts."""

    _js_name = "PyProxy"

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._is_gone = False

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self._is_gone:
            self._complain()
        return self._function(*args, **kwargs)

    def _complain(self) -> None:
        kind = type(self._function).__name__
        text = f'{_GONE}\nThe object was of type "{kind}" and had repr "{self._function!r}"'
        if is_strict():
            raise JsException("Error", text)
        logger.warning("%s", text)

    def end(self) -> None:
        """The call is over."""
        self._is_gone = True


def is_python_function(value: object) -> bool:
    """Whether a value is a function of Python that no proxy stands for."""
    return callable(value) and not isinstance(value, JsProxy)


def expired(value: object) -> object:
    """What is left of an argument when its call is over; everything but Python's functions stays."""
    if not is_python_function(value):
        return value
    lent = Lent(value)  # type: ignore[arg-type]  # it can be called, as was asked
    lent.end()
    return lent


def lend(values: tuple[object, ...]) -> tuple[tuple[object, ...], list[Lent]]:
    """Arguments as JavaScript gets them, and the functions among them, whose `end` is due after the call."""
    lent: list[Lent] = []
    given = tuple(_lend(value, lent) if is_python_function(value) else value for value in values)
    return given, lent


def _lend(function: object, lent: list[Lent]) -> Lent:
    lent.append(Lent(function))  # type: ignore[arg-type]  # it can be called, as was asked
    return lent[-1]
