"""The catalog as `models/search` and `models/schema` show it. Source: SDK resources and wrangler; WA-122 to WA-125."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from paddock.bindings.errors import InputError, WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService

__all__ = ["ModelQuery", "schemas", "search", "statuses"]


class ModelQuery(msgspec.Struct, frozen=True):
    """The query of models/search. A page past the end is empty, which is how the SDKs' pagers stop."""

    search: str = ""
    task: str = ""
    author: str = ""
    source: int | None = None
    hide_experimental: bool = False
    page: int = 1
    per_page: int = 100

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Decode query parameters; unknown ones are ignored, as production ignores them."""
        try:
            query = msgspec.convert(dict(pairs), cls, strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"Error: {error}") from error
        if query.page < 1 or query.per_page < 1:
            raise InputError("Error: page and per_page: expected integers of at least 1")
        return query


def search(service: AiService, query: ModelQuery) -> list[dict[str, object]]:
    """The models that match, as API items without schemas."""
    found = [card for card in service.catalog if _matches(card, query)]
    start = (query.page - 1) * query.per_page
    return [_item(service, card) for card in found[start : start + query.per_page]]


async def statuses(service: AiService) -> dict[str, dict[str, object]]:
    """Every model's state, weights and load, for health checks and people."""
    return {card.name: await _status(service, card) for card in service.catalog}


async def _status(service: AiService, card: ModelCard) -> dict[str, object]:
    status: dict[str, object] = {"state": service.engines.state(card), "weights": _weights(service, card)}
    engine = service.engines.engine(card)
    if engine is not None and engine.state == "warm":
        stats = await engine.stats()
        status |= {"pid": engine.pid, "running": stats.running, "waiting": stats.waiting}
        status["peak_running"] = stats.peak_running
    return status


def schemas(service: AiService, model: str) -> dict[str, object]:
    """Both schemas of a model as JSON objects. Raises ModelNotFound."""
    card = service.catalog.card(model)
    return {"input": card.input_schema or {}, "output": card.output_schema or {}}


def _matches(card: ModelCard, query: ModelQuery) -> bool:
    text = query.search.lower()
    return (
        (not text or text in card.name.lower() or text in (card.description or "").lower())
        and (not query.task or (card.task is not None and card.task.name == query.task))
        and (not query.author or card.name.split("/")[1:2] == [query.author])
        and (query.source is None or card.source == query.source)
        and not (query.hide_experimental and card.value_of("beta") == "true")
    )


def _item(service: AiService, card: ModelCard) -> dict[str, object]:
    properties = [msgspec.to_builtins(prop) for prop in card.properties]
    return {
        "id": card.id,
        "source": card.source,
        "name": card.name,
        "description": card.description,
        "task": msgspec.to_builtins(card.task),
        "tags": list(card.tags),
        "properties": [*properties, {"property_id": "paddock_weights", "value": _weights(service, card)}],
    }


def _weights(service: AiService, card: ModelCard) -> str:
    """`configured`, `pulled`, `stand_in` or `missing`: a caller must be able to tell a stand-in from the model."""
    try:
        return service.engines.weights(card).kind
    except WeightsMissing:
        return "missing"
