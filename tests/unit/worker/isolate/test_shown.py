"""Variables as text, without the user's code."""

import dataclasses
import datetime
import enum
import itertools

import pytest

from paddock.worker.isolate.shown import Shower


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Order:
    id: int
    password: str


@dataclasses.dataclass(slots=True)
class Slotted:
    name: str


class Hostile(dict):  # type: ignore[type-arg]
    def __repr__(self) -> str:
        raise AssertionError("called")

    __str__ = __iter__ = items = keys = __len__ = __getattribute__ = __eq__ = __hash__ = __repr__  # type: ignore[assignment]  # all of them


class Zone(datetime.tzinfo):
    def __repr__(self) -> str:
        raise AssertionError("called")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("x" * 300, f"'{'x' * 200}'…"),
        ([1, (2,), {"k": None}], "[1, (2), {'k': None}]"),
        (list(range(100)), f"[{', '.join(map(str, range(20)))}, … 80 more]"),
        (1 << 100_000, "<int of 100001 bits>"),
        (Colour.RED, "Colour.RED"),
        (Order(7, "x"), "Order(id=7, password=(hidden))"),
        (Slotted("n"), "Slotted(name='n')"),
        (Hostile(a=1), "{'a': 1}"),
        ([[[[[1]]]]], "[[[[<list>]]]]"),
        (object(), "<object>"),
        (Order, "<class Order>"),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), repr(datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC))),
        (datetime.datetime(2026, 1, 2, tzinfo=Zone()), "<datetime>"),
        ({"max_tokens": 5, "api_key": "k"}, "{'max_tokens': 5, 'api_key': (hidden)}"),
    ],
    ids=itertools.count(),
)
def test_values_are_shown_by_class_and_members(value: object, text: str) -> None:
    assert Shower().show(value) == text


def test_a_value_that_holds_itself_ends() -> None:
    endless: list[object] = []
    endless += [endless] * 50
    assert len(Shower().show(endless)) <= 1001


def test_secrets_are_hidden_also_where_the_cut_goes_through_one() -> None:
    """DT-039"""
    secret = "s3cret" * 400
    shown = Shower([secret]).show(["x" * 900 + secret, secret])
    assert "s3cret" not in shown


def test_a_variable_with_a_secrets_name_is_hidden() -> None:
    """DT-039"""
    assert Shower().named("db_password", "x") == "(hidden)"
    assert Shower().named("author", "x") == "'x'"
