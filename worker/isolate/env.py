"""`env`: variables as values, bindings as the stubs that handlers call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.bindings.ai import Ai
from paddock.worker.isolate.bindings.analytics import AnalyticsEngine
from paddock.worker.isolate.bindings.d1 import D1Database
from paddock.worker.isolate.bindings.hello import Hello
from paddock.worker.isolate.bindings.kv import KvNamespace
from paddock.worker.isolate.bindings.queue import WorkerQueue
from paddock.worker.isolate.bindings.r2 import R2Bucket
from paddock.worker.isolate.bindings.ratelimit import Ratelimit
from paddock.worker.isolate.services import service_stub
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.fetch import Fetcher
from paddock.worker.isolate.web.objects import JsObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker import wire
    from paddock.worker.isolate.own import OwnWorker
    from paddock.worker.isolate.remotecalls import RemoteCalls
    from paddock.worker.isolate.web.objects import JsProxy

__all__ = ["STUBS", "make_env"]

#: Kind of a binding to its stub; the other half of bindings/registry.py.
STUBS: Final[dict[str, Callable[[Fetcher], JsProxy]]] = {
    "ai": Ai,
    "analytics": AnalyticsEngine,
    "assets": lambda fetcher: fetcher,
    "d1": D1Database,
    "hello": Hello,
    "kv": KvNamespace,
    "queue": WorkerQueue,
    "r2": R2Bucket,
    "ratelimit": Ratelimit,
    "service": lambda fetcher: fetcher,
}


def make_env(start: wire.Start, own: OwnWorker, remote: RemoteCalls) -> JsObject:
    """The raw environment: strings as they are, other variables as JavaScript values, one stub for each binding.

    `own` answers the bindings that lead to this worker itself, `remote` those that lead to others.
    """
    env = JsObject()
    for name, text in start.strings.items():
        setattr(env, name, text)
    for name, text in start.json.items():
        setattr(env, name, jsonvalue.parse(text))
    for binding in start.bindings:
        setattr(env, binding.name, STUBS[binding.kind](Fetcher(binding.name)))
    for service in start.services:
        setattr(env, service.binding, service_stub(own, remote, service))
    return env
