"""Neurons and dollars, against the figures of the pricing page."""

from pathlib import Path

import pytest

from paddock.bindings.ai.card import ModelCard, Property
from paddock.bindings.ai.price import TokenPrice, token_price
from paddock.bindings.ai.schema import Schema
from paddock.bindings.binding import CallRecord

INPUT, OUTPUT, CACHED = "per M input tokens", "per M output tokens", "per M cached input tokens"


def card_with(price: object) -> ModelCard:
    properties = () if price is None else (Property("price", price),)
    return ModelCard(
        id="1",
        source=1,
        name="@cf/a/b",
        description=None,
        task=None,
        task_type="",
        tags=(),
        properties=properties,
        schema=Schema(None),
        file=Path("b.json"),
        folder=Path(),
    )


def row(unit: str, price: float, currency: str = "USD") -> dict[str, object]:
    return {"unit": unit, "price": price, "currency": currency}


def test_neurons_are_those_of_the_pricing_page() -> None:
    """llama-3.2-1b: $0.027 and $0.201 for a million tokens are 2457 and 18252 neurons; the dollars are rounded there"""
    price = token_price(card_with([row(INPUT, 0.027), row(OUTPUT, 0.201)]))
    assert price is not None
    assert price.cost(1_000_000, 0).neurons == pytest.approx(2457, rel=0.005)
    assert price.cost(0, 1_000_000).neurons == pytest.approx(18252, rel=0.005)


def test_cached_tokens_have_their_own_price() -> None:
    assert TokenPrice(2.0, 0.0, 0.5).cost(1_000_000, 0, cached_tokens=500_000).usd == pytest.approx(1.25)


def test_cached_tokens_without_a_price_cost_as_much_as_others() -> None:
    assert TokenPrice(2.0, 0.0).cost(1_000_000, 0, cached_tokens=500_000).usd == pytest.approx(2.0)


@pytest.mark.parametrize(
    "price",
    [
        None,
        [],
        "0.1",
        [row("per step", 1.0)],
        [row(INPUT, 1.0, "EUR")],
        [{"unit": INPUT}],
        [row(INPUT, 1), row("?", 1)],
    ],
)
def test_what_is_not_dollars_for_tokens_has_no_estimate(price: object) -> None:
    assert token_price(card_with(price)) is None


def test_a_call_knows_its_cost() -> None:
    record = CallRecord("m", prompt_tokens=1_000_000, price=TokenPrice(0.011, 0.0))
    assert record.cost is not None
    assert record.cost.neurons == pytest.approx(1000)
    assert CallRecord("m").cost is None
