"""Stubs for type checkers: what `self.env` holds, and what each model of the catalog takes and gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker.stubs.models import model_stubs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.ai.card import ModelCard
    from paddock.worker.config.loading import Config

__all__ = ["STUBS", "render"]

#: The module of the stubs, and the one that the SDK itself takes the type of `self.env` from.
STUBS: Final = ("worker_configuration.pyi", "js.pyi")
_HEADER: Final = (
    "# Written by `paddock types` from {source} and the catalog.\n"
    "# `paddock types --check` tells when it is out of date.\n"
)
_JS: Final = """from typing import Any

from worker_configuration import {interface} as Env

class ExecutionContext:
    props: Any
    exports: Any
    def waitUntil(self, promise: Any) -> None: ...
    def passThroughOnException(self) -> None: ...

def __getattr__(name: str) -> Any: ...
"""
#: Kind of a binding (bindings/registry.py) -> its type. Those that others add have none.
_KINDS: Final = {
    "analytics": "AnalyticsEngineDataset",
    "d1": "D1Database",
    "r2": "R2Bucket",
    "ratelimit": "RateLimit",
}


def render(config: Config, cards: Iterable[ModelCard], interface: str = "Env") -> dict[str, str]:
    """The text of each file of `STUBS`. `interface` is the name of the class for `self.env`."""
    header = _HEADER.format(source=config.path.name)
    shared = (Path(__file__).parent / "bindings.pyi").read_text("utf-8")
    environment = [f"class {interface}:", *(f"    {name}: {kind}" for name, kind in sorted(_members(config).items()))]
    if len(environment) == 1:
        environment.append("    pass")
    adapters = {name: model.lora for name, model in config.paddock.models.items()}
    types = "\n".join([shared, model_stubs(cards, adapters), *environment, ""])
    return {STUBS[0]: header + types, STUBS[1]: header + _JS.format(interface=interface)}


def _members(config: Config) -> dict[str, str]:
    """Name in `env` -> type."""
    found = {name: _kind_of(value) for name, value in config.vars.items()}
    if config.ai:
        found[config.ai] = "Ai"
    if config.assets is not None and config.assets.binding:
        found[config.assets.binding] = "Fetcher"
    found |= {namespace.binding: "KVNamespace" for namespace in config.kv_namespaces}
    found |= {service.binding: "Fetcher" for service in config.services}
    found |= {producer.binding: "Queue" for producer in config.producers}
    found |= {resource.binding: _KINDS.get(resource.kind, "Any") for resource in config.resources}
    if config.version_metadata:
        found[config.version_metadata] = "WorkerVersionMetadata"
    return {name: kind for name, kind in found.items() if name.isidentifier()}


def _kind_of(value: object) -> str:
    """The type of a variable; that of a table or a list is a JavaScript object, of which a stub knows nothing."""
    return type(value).__name__ if isinstance(value, str | bool | int | float) else "Any"
