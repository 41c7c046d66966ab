"""Readers of wrangler-like.toml for what leads to entrypoints: `services`, `queues` and `triggers`.

As all readers, they note what is wrong and return a default. Source: validation rules and texts of wrangler 4.125.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from paddock.worker.config_settings import Json, QueueConsumer, QueueProducer, ServiceBinding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config_diagnostics import Diagnostics
    from paddock.worker.config_sections import Key

__all__ = ["read_crons", "read_queues", "read_services"]

_StructT = TypeVar("_StructT", bound=msgspec.Struct)

_SERVICE_KEYS: Final = frozenset({"binding", "entrypoint", "environment", "props", "remote", "service"})
_LISTS: Final = ("producers", "consumers")
#: Known keys of queues that have no effect here.
_QUEUE_KEYS: Final = frozenset({"max_concurrency", "remote", "type", "visibility_timeout_ms"})


def read_services(keys: Mapping[str, Key], diagnostics: Diagnostics) -> tuple[ServiceBinding, ...]:
    """`[[services]]`."""
    if "services" not in keys:
        return ()
    key = keys["services"]
    found = [_service(entry, path, diagnostics) for path, entry in _entries(key.path, key.value, diagnostics)]
    return tuple(service for service in found if service is not None)


def read_queues(
    keys: Mapping[str, Key], diagnostics: Diagnostics
) -> tuple[tuple[QueueProducer, ...], tuple[QueueConsumer, ...]]:
    """`[[queues.producers]]` and `[[queues.consumers]]`."""
    if "queues" not in keys:
        return (), ()
    key = keys["queues"]
    table = diagnostics.table(key.value, key.path)
    diagnostics.unexpected(key.path, [name for name in table if name not in _LISTS], _LISTS)
    producers = [
        _queue(entry, path, ("binding", "queue"), QueueProducer, diagnostics)
        for path, entry in _entries(f"{key.path}.producers", table.get("producers", []), diagnostics)
    ]
    consumers = [
        _queue(entry, path, ("queue",), QueueConsumer, diagnostics)
        for path, entry in _entries(f"{key.path}.consumers", table.get("consumers", []), diagnostics)
    ]
    return (
        tuple(producer for producer in producers if producer is not None),
        tuple(consumer for consumer in consumers if consumer is not None),
    )


def read_crons(keys: Mapping[str, Key], diagnostics: Diagnostics) -> tuple[str, ...]:
    """`[triggers]`: the cron expressions, and how they are triggered here."""
    if "triggers" not in keys:
        return ()
    key = keys["triggers"]
    table = diagnostics.table(key.value, key.path)
    crons = diagnostics.convert(table.get("crons", []), tuple[str, ...], f"{key.path}.crons") or ()
    if crons:
        diagnostics.warn(
            "Scheduled Workers are not automatically triggered during local development. To manually trigger a "
            'scheduled event, run: curl "http://localhost:8787/cdn-cgi/local/scheduled"'
        )
    return crons


def _entries(path: str, value: object, diagnostics: Diagnostics) -> list[tuple[str, Mapping[str, object]]]:
    """The tables of a list, each with its path."""
    if not isinstance(value, list):
        diagnostics.error(f'The field "{path}" should be an array but got {json.dumps(value, default=str)}.')
        return []
    found: list[tuple[str, Mapping[str, object]]] = []
    for number, entry in enumerate(value):
        if isinstance(entry, dict):
            found.append((f"{path}[{number}]", entry))
        else:
            shown = json.dumps(entry, default=str)
            diagnostics.error(f'"{path}[{number}]" bindings should be objects, but got {shown}')
    return found


def _texts(entry: Mapping[str, object], path: str, names: tuple[str, ...], diagnostics: Diagnostics) -> bool:
    """Whether the entry has a text under each of these names."""
    wrong = [name for name in names if not (isinstance(entry.get(name), str) and entry[name])]
    shown = json.dumps(entry, default=str)
    for name in wrong:
        diagnostics.error(f'"{path}" bindings should have a string "{name}" field but got {shown}.')
    return not wrong


def _service(entry: Mapping[str, object], path: str, diagnostics: Diagnostics) -> ServiceBinding | None:
    diagnostics.unexpected(path, [name for name in entry if name not in _SERVICE_KEYS], _SERVICE_KEYS)
    is_complete = _texts(entry, path, ("binding", "service"), diagnostics)
    entrypoint = entry.get("entrypoint")
    if entrypoint is not None and not isinstance(entrypoint, str):
        shown = json.dumps(entry, default=str)
        diagnostics.error(f'"{path}" bindings should have an optional string "entrypoint" field but got {shown}.')
        return None
    props: dict[str, Json] = msgspec.to_builtins(diagnostics.table(entry.get("props", {}), f"{path}.props"))
    if not is_complete:
        return None
    return ServiceBinding(
        binding=str(entry["binding"]), service=str(entry["service"]), entrypoint=entrypoint, props=props
    )


def _queue(
    entry: Mapping[str, object], path: str, names: tuple[str, ...], struct: type[_StructT], diagnostics: Diagnostics
) -> _StructT | None:
    known = _QUEUE_KEYS.union(struct.__struct_fields__)
    diagnostics.unexpected(path, [name for name in entry if name not in known], known)
    if not _texts(entry, path, names, diagnostics):
        return None
    return diagnostics.fields(entry, struct, path)
