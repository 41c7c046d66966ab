"""What Paddock reads of wrangler's own keys, as types: msgspec decodes them, and the JSON Schema is made of them.

Keys that these types do not have are warned about, because wrangler grows faster than Paddock. A key that has no effect
here is a field all the same: it is accepted without a word.

Source: configuration reference of the developer docs; validation rules, defaults and texts of wrangler 4.125.
"""

from __future__ import annotations

import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from paddock.worker.config.bindings import (
    AiKeys,
    AssetsKeys,
    BucketKeys,
    DatabaseKeys,
    DatasetKeys,
    KvKeys,
    QueuesKeys,
    RateLimitKeys,
    ServiceBinding,
    TailConsumer,
    VersionMetadataKeys,
)
from paddock.worker.config.settings import DevSettings, LimitsSettings, PaddockSettings

__all__ = ["BuildKeys", "RouteKeys", "SecretsKeys", "TriggersKeys", "WranglerKeys"]

_NAME: Final = r"^[a-z0-9_][a-z0-9-_]*$(?!\n)"  # wrangler's rule for names of workers; Python's $ allows a newline


class RouteKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `routes`, where it is no text. Only host and zone mean something here."""

    #: Host and path, perhaps with wildcards.
    pattern: str
    #: Domain that it belongs to.
    zone_name: str | None = None
    #: No effect.
    zone_id: Any = None
    #: No effect.
    custom_domain: Any = None
    #: No effect.
    enabled: Any = None
    #: No effect.
    previews_enabled: Any = None


class SecretsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[secrets]`: the names that the worker needs. Without `required`, every secret of the files is taken."""

    #: Names; without them every secret of the files is taken.
    required: tuple[str, ...] | None = None


class BuildKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[build]`: a command that makes what runs. `upload` has no effect."""

    #: For the shell; before the start, and after changes.
    command: str | None = None
    #: Where it runs; the project's folder otherwise.
    cwd: str | None = None
    #: A folder, or several, whose changes call for it.
    watch_dir: str | tuple[str, ...] = "src"
    #: Of older versions of wrangler.
    upload: Any = None


class TriggersKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[triggers]`: nothing fires the crons by itself."""

    #: Cron expressions.
    crons: tuple[str, ...] = ()


_ROUTE_TEXT: Final = "either a string or an object with the shape { pattern, custom_domain, zone_id | zone_name }"
_Route = Annotated[str | RouteKeys, Meta(description=_ROUTE_TEXT)]
_Routes = Annotated[tuple[str | RouteKeys, ...], Meta(description=f"array, each entry {_ROUTE_TEXT},")]


class WranglerKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one environment, decoded."""

    #: Workers AI.
    ai: AiKeys | None = None
    #: KV.
    kv_namespaces: tuple[KvKeys, ...] = ()
    #: Static files.
    assets: AssetsKeys | None = None
    #: Other workers, and entrypoints of this one.
    services: tuple[ServiceBinding, ...] = ()
    #: Queues.
    queues: QueuesKeys = QueuesKeys()
    #: Workers that are told what became of this one's events.
    tail_consumers: tuple[TailConsumer, ...] = ()
    #: D1.
    d1_databases: tuple[DatabaseKeys, ...] = ()
    #: R2.
    r2_buckets: tuple[BucketKeys, ...] = ()
    #: Analytics Engine.
    analytics_engine_datasets: tuple[DatasetKeys, ...] = ()
    #: Rate limits.
    ratelimits: tuple[RateLimitKeys, ...] = ()
    #: Which version the worker is.
    version_metadata: VersionMetadataKeys | None = None
    #: Variables: text or JSON.
    vars: dict[str, Any] = {}
    #: Which secrets the worker needs.
    secrets: SecretsKeys = SecretsKeys()
    #: The worker's name.
    name: Annotated[str, Meta(pattern=_NAME, description="string, alphanumeric and lowercase with dashes only")] = (
        "worker"
    )
    #: The handler's file, relative to this file. It has to be there.
    main: str | None = None
    #: Which changes of the runtime are in effect; without one, those until today.
    compatibility_date: datetime.date | None = None
    #: Changes by name; `python_workers` belongs to every Python Worker.
    compatibility_flags: tuple[str, ...] = ()
    #: Cron triggers.
    triggers: TriggersKeys = TriggersKeys()
    #: A command that makes the handler.
    build: BuildKeys = BuildKeys()
    #: One address of a deployment.
    route: _Route | None = None
    #: Addresses of a deployment; the first names the host that the worker sees.
    routes: _Routes = ()
    #: The dev server.
    dev: DevSettings = DevSettings()
    #: What one event may use.
    limits: LimitsSettings = LimitsSettings()
    #: What wrangler has no key for.
    paddock: PaddockSettings = PaddockSettings()
