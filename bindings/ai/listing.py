"""The catalog as `models/search` and `models/schema` show it. Source: SDK resources and wrangler; WA-122 to WA-125."""

from __future__ import annotations

import asyncio
import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from paddock.bindings.ai.engines.memory import resident_bytes
from paddock.bindings.errors import EngineDead, InputError, OptionUnsupported, WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.lifecycle import ModelLife
    from paddock.bindings.ai.engines.protocol import Engine
    from paddock.bindings.ai.service import AiService

__all__ = ["ModelQuery", "Page", "authors", "schemas", "search", "search_page", "status", "statuses", "tasks"]

#: How long `include_deprecated` still shows a model. Source: API reference, models/search ("up to three months").
_DEPRECATED_SHOWN: Final = datetime.timedelta(days=92)


#: How long a status waits for an engine that is in the middle of a step.
_STATS_S: Final = 1.0


class ModelQuery(msgspec.Struct, frozen=True):
    """The query of models/search. A page past the end is empty, which is how the SDKs' pagers stop."""

    search: str = ""
    task: str = ""
    author: str = ""
    #: Whole numbers; the SDKs' types allow others, which match nothing.
    source: float | None = None
    hide_experimental: bool = False
    include_deprecated: bool = False
    page: int = 1
    per_page: int = 100
    #: `openrouter` asks for another form of list.
    format: str = ""

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Decode query parameters; unknown ones are ignored, as production ignores them."""
        try:
            query = msgspec.convert(dict(pairs), cls, strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"Error: {error}") from error
        if query.page < 1 or query.per_page < 1:
            raise InputError("Error: page and per_page: expected integers of at least 1")
        if query.format:
            raise OptionUnsupported(f"format: Paddock lists models in Cloudflare's own form only; got {query.format!r}")
        return query


class Page(NamedTuple):
    """One page of a list, and what it is a page of. Pages count from 1; one past the end is empty."""

    items: list[dict[str, object]]
    number: int
    per_page: int
    #: Items of all pages.
    total: int


def search(service: AiService, query: ModelQuery) -> list[dict[str, object]]:
    """The models that match, as API items without schemas."""
    return search_page(service, query).items


def search_page(service: AiService, query: ModelQuery, today: datetime.date | None = None) -> Page:
    """One page of the models that match, in the order of their ids."""
    today = today or datetime.datetime.now(datetime.UTC).date()
    found = [card for card in service.catalog if _matches(card, query) and _is_listed(card, query, today)]
    start = (query.page - 1) * query.per_page
    items = [_item(service, card) for card in found[start : start + query.per_page]]
    return Page(items, query.page, query.per_page, len(found))


def tasks(service: AiService) -> list[dict[str, object]]:
    """The tasks that the catalog has models for, each once, by name."""
    named = {card.task.name: card.task for card in service.catalog if card.task is not None}
    return [msgspec.to_builtins(named[name]) for name in sorted(named)]


def authors(service: AiService) -> list[dict[str, object]]:
    """The authors of the catalog's models, by name. The form of an item is not published."""
    return [{"name": name} for name in sorted({_author(card) for card in service.catalog} - {""})]


async def statuses(service: AiService, *, is_short: bool = False) -> dict[str, dict[str, object]]:
    """Every model's state, weights and load, for health checks and people. `is_short` leaves out what is not in use."""
    cards = [card for card in service.catalog if not is_short or service.engines.life(card) is not None]
    return {card.name: await status(service, card) for card in cards}


async def status(service: AiService, card: ModelCard) -> dict[str, object]:
    """One model's state, weights and load. States: `absent` (no weights) and those of `LifeState`."""
    weights = _weights(service, card)
    life = service.engines.life(card)
    state = "absent" if weights == "missing" else service.engines.state(card)
    known: dict[str, object] = {"state": state, "weights": weights}
    return known if life is None else known | await _life(life)


async def _life(life: ModelLife) -> dict[str, object]:
    """What is known of a model that was asked for. Times in seconds, memory in bytes."""
    engine = life.engine
    shown: dict[str, object] = {"pinned": life.is_pinned, "calls": life.calls, "expires_in_s": life.expires_in_s}
    if life.breaker.cause:
        shown |= {"failure": life.breaker.cause, "retry_in_s": life.breaker.retry_in_s}
    if engine.state == "loading":
        shown |= {"phase": engine.phase}
    if engine.state == "warm":
        shown |= {"pid": engine.pid, "context_tokens": engine.context_tokens}
        shown |= {"memory_bytes": None if engine.pid is None else resident_bytes(engine.pid)}
        shown |= await _counts(engine)
    return shown


async def _counts(engine: Engine) -> dict[str, object]:
    """What the engine's scheduler counts. Nothing while it does not answer: the rest can be told all the same."""
    try:
        async with asyncio.timeout(_STATS_S):
            stats = await engine.stats()
    except (TimeoutError, EngineDead):
        return {}
    names = ("running", "waiting", "kv_cache_usage", "peak_running")
    return {name: getattr(stats, name) for name in names}


def schemas(service: AiService, model: str) -> dict[str, object]:
    """Both schemas of a model as JSON objects. Raises ModelNotFound."""
    card = service.catalog.card(model)
    return {"input": card.input_schema or {}, "output": card.output_schema or {}}


def _matches(card: ModelCard, query: ModelQuery) -> bool:
    text = query.search.lower()
    return (
        (not text or text in card.name.lower() or text in (card.description or "").lower())
        and (not query.task or (card.task is not None and card.task.name == query.task))
        and (not query.author or _author(card) == query.author)
        and (query.source is None or card.source == query.source)
        and not (query.hide_experimental and card.is_beta)
    )


def _author(card: ModelCard) -> str:
    return card.name.split("/")[1] if card.name.count("/") > 1 else ""


def _is_listed(card: ModelCard, query: ModelQuery, today: datetime.date) -> bool:
    """False for a model past its planned deprecation date. It still runs: only lists leave it out."""
    try:
        end = datetime.date.fromisoformat(str(card.value_of("planned_deprecation_date"))[:10])
    except ValueError:  # no date, or one in words
        return True
    return today <= end + (_DEPRECATED_SHOWN if query.include_deprecated else datetime.timedelta())


def _item(service: AiService, card: ModelCard) -> dict[str, object]:
    properties = [msgspec.to_builtins(prop) for prop in card.properties]
    item: dict[str, object] = {
        "id": card.id,
        "source": card.source,
        "name": card.name,
        "description": card.description,
        "task": msgspec.to_builtins(card.task),
        "tags": list(card.tags),
        "properties": [*properties, {"property_id": "paddock_weights", "value": _weights(service, card)}],
    }
    return item if card.created_at is None else item | {"created_at": card.created_at}


def _weights(service: AiService, card: ModelCard) -> str:
    """`configured`, `pulled`, `stand_in`, `remote` or `missing`: callers must see which one a stand-in is."""
    try:
        return service.engines.weights(card).kind
    except WeightsMissing:
        return "missing"
