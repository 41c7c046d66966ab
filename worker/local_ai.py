"""What people and tools ask of the models of a running dev server, below `/cdn-cgi/local/ai/`.

`GET status`, `GET ps` and `GET metrics` (for Prometheus) tell. `POST load`, `unload` and `pin` act on the model that
the JSON body names, and answer with its new status. The app has checked who asks (`guard.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.listing import status, statuses
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import IncompleteRequest, ModelBusy
from paddock.worker.http import text_headers
from paddock.worker.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest
    from paddock.worker.metrics import Metrics

__all__ = ["PATHS", "PREFIX", "answer"]

PREFIX: Final = "/cdn-cgi/local/ai/"
_JSON: Final = (("content-type", "application/json"),)
_LIMIT_BYTES: Final = 64_000
_TOLD: Final = ("status", "ps", "metrics")


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    #: `unload`: end open calls as well.
    force: bool = False
    #: `pin`: false lets the model go again.
    pinned: bool = True


async def answer(service: AiService, metrics: Metrics, request: FetchRequest, name: str) -> FetchResponse:
    """Answer one request to `PREFIX + name`, one of PATHS."""
    wanted = "GET" if name in _TOLD else "POST"
    if request.method != wanted:
        text = f"{PREFIX}{name}: expected {wanted}; got {request.method}"
        return FetchResponse(405, text_headers(("allow", wanted)), text.encode())
    if name == "metrics":
        return FetchResponse(200, (("content-type", CONTENT_TYPE),), await metrics.text(service))
    if name in _TOLD:
        return _told({"status": "ok", "models": await statuses(service, is_short=name == "ps")})
    try:
        order = msgspec.json.decode(await request.read(_LIMIT_BYTES), type=_Order)
        card = service.catalog.card(order.model)
        await _ORDERS[name](service, card, order)
    except msgspec.DecodeError as error:
        raise IncompleteRequest(f'Request body: expected {{"model": "@cf/..."}}; {error}') from error
    return _told({"model": card.name, **await status(service, card)})


def _told(body: object) -> FetchResponse:
    return FetchResponse(200, _JSON, msgspec.json.encode(body))


async def _load(service: AiService, card: ModelCard, _: _Order) -> None:
    await service.engines.serving(card).life.load()


async def _unload(service: AiService, card: ModelCard, order: _Order) -> None:
    life = service.engines.life(card)
    if life is not None and not await life.unload(is_forced=order.force):
        raise ModelBusy(card.name, life.calls, is_pinned=life.is_pinned)


async def _pin(service: AiService, card: ModelCard, order: _Order) -> None:
    life = service.engines.serving(card).life
    life.pin(is_pinned=order.pinned)
    if order.pinned:
        await life.load()


_ORDERS: Final[dict[str, Callable[[AiService, ModelCard, _Order], Awaitable[None]]]] = {
    "load": _load,
    "unload": _unload,
    "pin": _pin,
}
PATHS: Final = (*_TOLD, *_ORDERS)
