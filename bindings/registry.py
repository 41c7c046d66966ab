"""The one table of bindings: kind to class. A new binding is a folder, its stub, and one row here.

Third parties add kinds through the entry-point group `paddock.bindings`, read here and nowhere else.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.bindings.binding import Binding

__all__ = ["BINDINGS", "ENTRY_POINTS", "binding_class"]

#: Kind -> where its class is. Imported when a worker has such a binding: most have few kinds.
BINDINGS: Final = {
    "ai": "paddock.bindings.ai.binding:AiBinding",
    "analytics": "paddock.bindings.analytics.binding:AnalyticsBinding",
    "assets": "paddock.bindings.assets.binding:AssetsBinding",
    "d1": "paddock.bindings.d1.binding:D1Binding",
    "hello": "paddock.bindings.hello.binding:HelloBinding",
    "kv": "paddock.bindings.kv.binding:KvBinding",
    "queue": "paddock.bindings.queues.binding:QueueBinding",
    "r2": "paddock.bindings.r2.binding:R2Binding",
    "ratelimit": "paddock.bindings.ratelimits.binding:RateLimitBinding",
}
ENTRY_POINTS: Final = "paddock.bindings"


@cache  # the tests of a worker open its bindings anew for every test
def binding_class(kind: str) -> type[Binding]:
    """The class of a kind, ours or a third party's. Raises KeyError with the kinds that exist."""
    ours = {name: EntryPoint(name, place, ENTRY_POINTS) for name, place in BINDINGS.items()}
    found = ours if kind in ours else {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if kind not in found:
        raise KeyError(f"expected one of {', '.join(sorted([*BINDINGS, *found]))}; got {kind!r}")
    loaded: type[Binding] = found[kind].load()
    return loaded
