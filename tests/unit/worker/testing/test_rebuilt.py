"""Exceptions of handlers, made anew from descriptions."""

import asyncio
import json
import traceback
from typing import Any

import pytest

from paddock.worker.testing.errors import HandlerError
from paddock.worker.testing.inside.described import described
from paddock.worker.testing.rebuilt import rebuilt


class Own(Exception):
    def __init__(self, name: str, *, count: int) -> None:
        super().__init__(f"{count} of {name}")
        self.count = count


def again(error: BaseException) -> BaseException:
    """The exception as it comes out of the other end."""
    return rebuilt("", "", described(error))


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        OSError(2, "No such file", "x"),
        AssertionError(),
        json.JSONDecodeError("Expecting value", "doc", 0),
    ],
    ids=repr,
)
def test_known_classes_are_themselves(error: Exception) -> None:
    made = again(error)
    assert (type(made), str(made)) == (type(error), str(error))


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError("x")], ids=repr)
def test_what_would_end_the_test_run_is_an_ordinary_exception(error: BaseException) -> None:
    made = again(error)
    assert isinstance(made, HandlerError)
    assert (type(made).__qualname__, str(made)) == (type(error).__qualname__, str(error))


def test_a_users_init_is_not_called() -> None:
    made = again(Own("tea", count=3))
    assert isinstance(made, Own)
    assert (str(made), made.count) == ("3 of tea", 3)


def test_unknown_classes_keep_their_names_and_are_one_class() -> None:
    description = json.loads(described(Own("tea", count=3))) | {"module": "elsewhere", "type": "Handler.Own"}
    first, second = (rebuilt("", "", json.dumps(description)) for _ in range(2))
    assert isinstance(first, HandlerError)
    assert (type(first), type(first).__name__, str(first)) == (type(second), "Own", "3 of tea")


def test_arguments_that_cannot_cross() -> None:
    made = again(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))
    assert isinstance(made, HandlerError)
    assert "invalid start byte" in str(made)


def test_causes_notes_and_places() -> None:
    def inner() -> None:
        raise KeyError("a")

    try:
        try:
            inner()
        except KeyError as cause:
            raise ValueError("b") from cause
    except ValueError as error:
        error.add_note("try tea")
        made, lines = again(error), traceback.format_exception(error)
    assert traceback.format_exception(made)[-1] == "try tea\n"
    assert isinstance(made.__cause__, KeyError)
    places = [
        (frame.filename, frame.lineno, frame.name) for frame in traceback.extract_tb(made.__cause__.__traceback__)
    ]
    assert places[-1][2] == "inner"
    assert [f'File "{file}", line {line}' in "".join(lines) for file, line, _ in places] == [True, True]


def test_a_recursion_is_cut() -> None:
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        found: dict[str, Any] = json.loads(described(error))
    assert len(found["frames"]) == 30


def test_what_is_no_description_is_still_an_error() -> None:
    made = rebuilt("TypeError", "no", "Traceback")
    assert isinstance(made, HandlerError)
    assert (type(made).__name__, str(made)) == ("TypeError", "no\nTraceback")
