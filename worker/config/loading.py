"""wrangler-like.toml, or the configuration of wrangler itself -> one frozen Config.

The file holds wrangler's own keys, read by wrangler's rules, and one `[paddock]` table for what wrangler does not know.
Unknown keys of wrangler's part are warnings, because wrangler grows faster than Paddock; unknown keys of `[paddock]`
are errors, because there a typo would be a setting that silently does nothing.

Source: configuration reference of the developer docs; texts of wrangler 4.125.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from paddock.worker.config import checks
from paddock.worker.config.assets import Assets, settle_assets
from paddock.worker.config.bindings import KvNamespace, QueueConsumer, QueueProducer, ServiceBinding
from paddock.worker.config.decoding import decode_keys
from paddock.worker.config.diagnostics import Diagnostics
from paddock.worker.config.environment import with_environment
from paddock.worker.config.files import find_config, find_secrets, find_state, nearest_config, read_config
from paddock.worker.config.flags import with_flags
from paddock.worker.config.lone import bare_config, lone_config
from paddock.worker.config.paddock import settle_paddock
from paddock.worker.config.resources import Resource, settle_resources
from paddock.worker.config.routes import Route, settle_routes
from paddock.worker.config.sections import select_environment
from paddock.worker.config.settings import (
    DevSettings,
    EngineSettings,
    Json,
    LimitsSettings,
    ModelSettings,
    Overrides,
    PaddockSettings,
)
from paddock.worker.config.wrangler import WranglerKeys

if TYPE_CHECKING:
    from paddock.worker.build import Build
    from paddock.worker.config.files import ConfigFile

__all__ = [
    "Config",
    "DevSettings",
    "EngineSettings",
    "Json",
    "KvNamespace",
    "LimitsSettings",
    "ModelSettings",
    "Overrides",
    "PaddockSettings",
    "QueueConsumer",
    "QueueProducer",
    "ServiceBinding",
    "load_config",
]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """One worker as its file, its secrets and the command line describe it, for one environment."""

    #: The configuration file; relative paths in it start at its folder.
    path: Path
    #: False for a handler's file alone: then `path` is where a configuration would be.
    has_file: bool = True
    env: str | None
    name: str
    #: The handler's file. It need not exist: a missing handler is a warning here and an error when an isolate starts.
    main: Path
    compatibility_date: datetime.date
    #: The flags that are on, by date or by name; see worker/compat.py.
    compatibility_flags: frozenset[str]
    #: Plain values and secrets by binding name.
    vars: dict[str, Json]
    #: Names in `vars` whose values must not be shown.
    secret_names: frozenset[str]
    #: The files that the secrets came from.
    secrets_files: tuple[Path, ...]
    #: Name of the AI binding in `env`, when the worker has one.
    ai: str | None
    kv_namespaces: tuple[KvNamespace, ...]
    #: Static files, when the worker has some.
    assets: Assets | None
    #: Folder of what outlives the server; see bindings/state.py.
    state: Path
    services: tuple[ServiceBinding, ...] = ()
    producers: tuple[QueueProducer, ...] = ()
    consumers: tuple[QueueConsumer, ...] = ()
    #: Names of the workers that are told of this one's events.
    tail_consumers: tuple[str, ...] = ()
    #: What makes the handler, where it is made.
    build: Build | None = None
    #: Cron expressions of the triggers; nothing fires them by itself.
    crons: tuple[str, ...] = ()
    #: The addresses of a deployment, which name the host that the worker sees.
    routes: tuple[Route, ...] = ()
    #: Bindings that only name a resource.
    resources: tuple[Resource, ...] = ()
    #: Name in `env` of the version's id, tag and time.
    version_metadata: str | None = None
    dev: DevSettings
    limits: LimitsSettings
    paddock: PaddockSettings
    warnings: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.path.parent

    @property
    def source(self) -> str:
        """What messages about the configuration name: its file, or that of the handler where it has none."""
        return self.path.name if self.has_file else self.main.name

    @property
    def upstream_host(self) -> str | None:
        """The host of the URLs that the worker sees; None for the one that a request asked for."""
        return self.dev.host or next((route.host for route in self.routes[:1]), None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the log to hide."""
        ours = filter(None, (self.paddock.api_token, self.paddock.engine.remote_key))
        return (*(str(self.vars[name]) for name in sorted(self.secret_names)), *ours)


def load_config(
    path: Path | None = None,
    env: str | None = None,
    overrides: Overrides | None = None,
    *,
    start: Path | None = None,
    today: datetime.date | None = None,
    is_optional: bool = False,
) -> Config:
    """The configuration at `path`, else the nearest one upwards from `start`: the folder of the handler's file that the
    command line names, or the current one. Such a file needs no configuration; nor does `start` where it `is_optional`.

    Raises: ConfigError with every problem of the file; a file that cannot be parsed has one problem.
    """
    overrides, today = overrides or Overrides(), today or datetime.datetime.now(datetime.UTC).date()
    start = start or (overrides.main.expanduser().resolve().parent if overrides.main is not None else Path.cwd())
    lone = _lone_config(overrides.main, start, today, is_optional=is_optional) if path is None else None
    file = lone or read_config(find_config(path, start))
    root = file.path.parent
    diagnostics = Diagnostics(file.path.name if lone is None else str(overrides.main or start), file.line)
    keys = with_environment(select_environment(file.tables, env, diagnostics), os.environ, diagnostics)
    keys = with_flags(keys, overrides)
    wrangler = decode_keys(keys, WranglerKeys, diagnostics)
    compatibility = checks.settle_compatibility(wrangler, keys, today, diagnostics)
    assets = settle_assets(wrangler.assets, root, overrides.assets, compatibility.flags, diagnostics)
    secrets = find_secrets(root, env, overrides.env_files, os.environ)
    resources = settle_resources(wrangler)
    bindings = checks.named_bindings(wrangler, resources)
    variables = checks.settle_vars(wrangler, bindings, secrets, overrides, diagnostics)
    checks.check_names(bindings, variables.values, diagnostics)
    main = checks.settle_main(wrangler.main, root, keys, diagnostics)
    paddock = settle_paddock(wrangler.paddock, root, os.environ, overrides, diagnostics)
    diagnostics.raise_errors()
    return Config(
        path=file.path,
        has_file=lone is None,
        env=env,
        name=checks.settle_name(wrangler.name, env, keys),
        main=main,
        compatibility_date=compatibility.date,
        compatibility_flags=compatibility.flags,
        vars=variables.values,
        secret_names=variables.secret_names,
        secrets_files=secrets.files,
        ai=wrangler.ai.binding if wrangler.ai else None,
        kv_namespaces=tuple(map(KvNamespace.of, wrangler.kv_namespaces)),
        assets=assets,
        state=find_state(root, overrides.persist_to),
        services=wrangler.services,
        producers=wrangler.queues.producers,
        consumers=wrangler.queues.consumers,
        tail_consumers=tuple(consumer.service for consumer in wrangler.tail_consumers),
        build=checks.settle_build(wrangler.build, root),
        crons=wrangler.triggers.crons,
        routes=settle_routes(wrangler),
        resources=resources,
        version_metadata=wrangler.version_metadata.binding if wrangler.version_metadata else None,
        dev=checks.settle_dev(wrangler.dev, overrides),
        limits=wrangler.limits,
        paddock=paddock,
        warnings=tuple(diagnostics.warnings),
    )


def _lone_config(script: Path | None, start: Path, today: datetime.date, *, is_optional: bool) -> ConfigFile | None:
    """What stands for a file where there is none and none is needed."""
    if script is not None:
        return lone_config(script, today)
    return bare_config(start / "handler.py", today) if is_optional and nearest_config(start) is None else None
