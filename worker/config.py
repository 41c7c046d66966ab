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

import msgspec

from paddock.worker import config_bindings
from paddock.worker import config_sections as sections
from paddock.worker.config_bindings import Assets, KvNamespace, NamedBinding
from paddock.worker.config_diagnostics import Diagnostics
from paddock.worker.config_entrypoints import read_crons, read_queues, read_services
from paddock.worker.config_files import find_config, find_secrets, find_state, read_config
from paddock.worker.config_resources import Resource, read_resources, read_version_metadata
from paddock.worker.config_settings import (
    DevSettings,
    EngineSettings,
    Json,
    LimitsSettings,
    ModelSettings,
    Overrides,
    PaddockSettings,
    QueueConsumer,
    QueueProducer,
    ServiceBinding,
)

__all__ = [
    "Config",
    "DevSettings",
    "EngineSettings",
    "Json",
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
    #: Cron expressions of the triggers; nothing fires them by itself.
    crons: tuple[str, ...] = ()
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
) -> Config:
    """The configuration at `path`, else the nearest one from `start` (the current folder) upwards.

    Raises: ConfigError with every problem of the file; a file that cannot be parsed has one problem.
    """
    file = find_config(path, start or Path.cwd())
    root = file.parent
    overrides = overrides or Overrides()
    diagnostics = Diagnostics(file.name)
    keys = sections.select_environment(read_config(file), env, diagnostics)
    ai = sections.read_ai(keys, diagnostics)
    secrets = find_secrets(root, env, overrides.env_files, os.environ)
    kv_namespaces = config_bindings.read_kv_namespaces(keys, diagnostics)
    compatibility = sections.read_compatibility(keys, today or datetime.datetime.now(datetime.UTC).date(), diagnostics)
    assets = config_bindings.read_assets(keys, root, overrides.assets, compatibility.flags, diagnostics)
    bindings = [NamedBinding(ai, "AI")] if ai else []
    if assets is not None and assets.binding:
        bindings.append(NamedBinding(assets.binding, "Assets"))
    bindings += [NamedBinding(namespace.binding, "KV Namespace") for namespace in kv_namespaces]
    services = read_services(keys, diagnostics)
    bindings += [NamedBinding(service.binding, "Worker") for service in services]
    producers, consumers = read_queues(keys, diagnostics)
    bindings += [NamedBinding(producer.binding, "Queue") for producer in producers]
    resources = read_resources(keys, diagnostics)
    bindings += [NamedBinding(resource.binding, resource.title) for resource in resources]
    if version_metadata := read_version_metadata(keys, diagnostics):
        bindings.append(NamedBinding(version_metadata, "Worker Version Metadata"))
    variables = sections.read_vars(keys, secrets, overrides.vars, bindings, diagnostics)
    config_bindings.check_names(bindings, variables.values, diagnostics)
    name = sections.read_name(keys, env, diagnostics)
    main = sections.read_main(keys, root, diagnostics)
    crons = read_crons(keys, diagnostics)
    dev = sections.read_dev(keys, overrides, diagnostics)
    limits = sections.read_limits(keys, diagnostics)
    paddock = _overridden(sections.read_paddock(keys, root, diagnostics), overrides, diagnostics)
    diagnostics.raise_errors()
    return Config(
        path=file,
        env=env,
        name=name,
        main=main,
        compatibility_date=compatibility.date,
        compatibility_flags=compatibility.flags,
        vars=variables.values,
        secret_names=variables.secret_names,
        secrets_files=secrets.files,
        ai=ai,
        kv_namespaces=kv_namespaces,
        assets=assets,
        state=find_state(root, overrides.persist_to),
        services=services,
        producers=producers,
        consumers=consumers,
        crons=crons,
        resources=resources,
        version_metadata=version_metadata,
        dev=dev,
        limits=limits,
        paddock=paddock,
        warnings=tuple(diagnostics.warnings),
    )


def _overridden(paddock: PaddockSettings, overrides: Overrides, diagnostics: Diagnostics) -> PaddockSettings:
    """`[paddock]` with what the environment and the command line say, which go before the file."""
    if token := os.environ.get("PADDOCK_API_TOKEN"):
        paddock = msgspec.structs.replace(paddock, api_token=token)
    engine = sections.read_servers(paddock.engine, os.environ, diagnostics)
    return msgspec.structs.replace(paddock, engine=sections.read_determinism(engine, overrides, diagnostics))
