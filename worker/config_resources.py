"""Bindings of wrangler-like.toml that only name a resource: each has one reader here and one row in `_READERS`.

Readers never raise: they note what is wrong, in wrangler's words, and leave it out. Source: wrangler 4.125, validation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.analytics.binding import AnalyticsSettings
from paddock.bindings.d1.binding import D1Settings
from paddock.bindings.ratelimits.binding import Counters, RateLimitSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paddock.worker.config_diagnostics import Diagnostics
    from paddock.worker.config_sections import Key

__all__ = ["Resource", "read_resources", "read_version_metadata"]


class Resource(msgspec.Struct, frozen=True):
    """A binding: its name in `env`, its kind in bindings/registry.py, what wrangler calls it, and which one it is."""

    binding: str
    kind: str
    title: str
    shown: str
    settings: object


def read_resources(keys: Mapping[str, Key], diagnostics: Diagnostics) -> tuple[Resource, ...]:
    """Every binding of the tables in `_READERS`."""
    found: list[Resource | None] = []
    for name, read in _READERS.items():
        if key := keys.get(name):
            found += read(diagnostics.tables(key.value, key.path), diagnostics)
    return tuple(resource for resource in found if resource is not None)


def read_version_metadata(keys: Mapping[str, Key], diagnostics: Diagnostics) -> str | None:
    """The name of the binding with the version's id, tag and time."""
    key = keys.get("version_metadata")
    if key is None:
        return None
    binding = diagnostics.table(key.value, key.path).get("binding")
    if isinstance(binding, str) and binding:
        return binding
    if isinstance(key.value, dict):
        diagnostics.error(f'"{key.path}" binding should have a string "binding" field.')
    return None


_Tables = list[tuple[str, "Mapping[str, object]"]]


def _datasets(tables: _Tables, diagnostics: Diagnostics) -> list[Resource | None]:
    """`[[analytics_engine_datasets]]`; without a dataset, the name is the dataset's."""
    found: list[Resource | None] = []
    for path, table in tables:
        _unexpected(path, table, ("binding", "dataset"), diagnostics)
        binding = diagnostics.text(table, "binding", path)
        dataset = diagnostics.text(table, "dataset", path, is_optional=True) or binding
        if binding and dataset:
            settings = AnalyticsSettings(dataset)
            found.append(Resource(binding, "analytics", "Analytics Engine Dataset", dataset, settings))
    return found


_DATABASE_KEYS: Final = (
    "binding", "database_id", "database_internal_env", "database_name", "migrations_dir", "migrations_pattern",
    "migrations_table", "preview_database_id", "remote",
)  # fmt: skip


def _databases(tables: _Tables, diagnostics: Diagnostics) -> list[Resource | None]:
    """`[[d1_databases]]`. As in `wrangler dev`, `preview_database_id` goes first; without ids, the name is the id."""
    found: list[Resource | None] = []
    for path, table in tables:
        _unexpected(path, table, _DATABASE_KEYS, diagnostics)
        binding = diagnostics.text(table, "binding", path)
        preview, own, name = (
            diagnostics.text(table, key, path, is_optional=True)
            for key in ("preview_database_id", "database_id", "database_name")
        )
        if binding:
            database = preview or own or binding
            found.append(Resource(binding, "d1", "D1 Database", name or database, D1Settings(database)))
    return found


def _rate_limits(tables: _Tables, diagnostics: Diagnostics) -> list[Resource | None]:
    """`[[ratelimits]]`. Bindings with the same `namespace_id` count together."""
    counters: dict[str, Counters] = {}
    found: list[Resource | None] = []
    for path, table in tables:
        _unexpected(path, table, ("name", "namespace_id", "simple"), diagnostics)
        binding = diagnostics.text(table, "name", path)
        namespace = diagnostics.text(table, "namespace_id", path)
        simple = table.get("simple")
        if not isinstance(simple, dict):
            diagnostics.error(f'"{path}" bindings must have a "simple" configuration object but got {_shown(table)}.')
            continue
        _unexpected(f"{path}.simple", simple, ("limit", "period"), diagnostics)
        limit, period = _number(simple.get("limit")), _number(simple.get("period"))
        if limit is None:
            diagnostics.error(f'"{path}" bindings "simple.limit" must be a number but got {_shown(simple)}.')
        if period is None:
            diagnostics.error(
                f'"{path}" bindings "simple.period" is required and must be a number but got {_shown(simple)}.'
            )
        elif period not in (10, 60):
            diagnostics.error(f'"{path}" bindings "simple.period" must be either 10 or 60 but got {_shown(period)}.')
        elif binding and namespace and limit is not None:
            settings = RateLimitSettings(counters.setdefault(namespace, Counters()), limit, period)
            found.append(Resource(binding, "ratelimit", "Rate Limit", f"{limit} requests/{period}s", settings))
    return found


#: Key of the configuration to its reader.
_READERS: Final[dict[str, Callable[[_Tables, Diagnostics], list[Resource | None]]]] = {
    "analytics_engine_datasets": _datasets,
    "d1_databases": _databases,
    "ratelimits": _rate_limits,
}


def _unexpected(path: str, table: Mapping[str, object], known: tuple[str, ...], diagnostics: Diagnostics) -> None:
    diagnostics.unexpected(path, [name for name in table if name not in known], known)


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
