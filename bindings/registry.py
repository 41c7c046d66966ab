"""The one table of bindings: kind to class. A new binding is a folder, its stub, and one row here.

Third parties add kinds through the entry-point group `paddock.bindings`, read here and nowhere else.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.binding import AiBinding
from paddock.bindings.analytics.binding import AnalyticsBinding
from paddock.bindings.assets.binding import AssetsBinding
from paddock.bindings.d1.binding import D1Binding
from paddock.bindings.hello.binding import HelloBinding
from paddock.bindings.kv.binding import KvBinding
from paddock.bindings.queues.binding import QueueBinding
from paddock.bindings.r2.binding import R2Binding
from paddock.bindings.ratelimits.binding import RateLimitBinding

if TYPE_CHECKING:
    from paddock.bindings.binding import Binding

__all__ = ["BINDINGS", "ENTRY_POINTS", "binding_class"]

BINDINGS: Final[dict[str, type[Binding]]] = {
    "ai": AiBinding,
    "analytics": AnalyticsBinding,
    "assets": AssetsBinding,
    "d1": D1Binding,
    "hello": HelloBinding,
    "kv": KvBinding,
    "queue": QueueBinding,
    "r2": R2Binding,
    "ratelimit": RateLimitBinding,
}
ENTRY_POINTS: Final = "paddock.bindings"


def binding_class(kind: str) -> type[Binding]:
    """The class of a kind, ours or a third party's. Raises KeyError with the kinds that exist."""
    if kind in BINDINGS:
        return BINDINGS[kind]
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if kind not in found:
        raise KeyError(f"expected one of {', '.join(sorted([*BINDINGS, *found]))}; got {kind!r}")
    loaded: type[Binding] = found[kind].load()
    return loaded
