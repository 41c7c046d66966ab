"""The worker that a test is about: a project on disk, or a handler that the test holds as text."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.worker.config.loading import load_config
from paddock.worker.errors import ConfigError
from paddock.worker.session import joined

if TYPE_CHECKING:
    import contextlib

    from paddock.worker.config.loading import Config

__all__ = ["OPTIONS", "Project"]

#: What describes a worker, and what only the one under test can have.
OPTIONS: Final = frozenset({"config", "source", "settings", "env", "vars", "secrets", "in_process", "beside"})
_OF_FIRST: Final = frozenset({"in_process", "beside"})

#: What a handler that comes as text has unless the test says otherwise.
_SETTINGS: Final = {
    "name": "worker-under-test",
    "main": "handler.py",
    "compatibility_date": "2026-09-15",
    "compatibility_flags": ["python_workers"],
    "ai": {"binding": "AI"},
}


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """How a test names its worker. Equal ones may share an isolate."""

    #: The configuration; None looks for the nearest one from `start` upwards.
    config: Path | None = None
    start: Path | None = None
    #: Text of a handler; `settings` are then the members of its configuration.
    source: str | None = None
    settings: str = "{}"
    #: The environment of the configuration.
    env: str | None = None
    #: Values beside and before those of the configuration, and of its secrets; JSON.
    vars: str = "{}"
    secrets: str = "{}"
    #: Whether the handler runs in the process of the tests.
    in_process: bool = False

    #: The workers that run beside it.
    beside: tuple[Project, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any], base: Path, *, start: Path | None = None) -> Project:
        """The project that a marker's options, or the arguments of `Paddock`, describe. Paths are relative to `base`.

        Raises ConfigError.
        """
        if unknown := options.keys() - OPTIONS:
            known = ", ".join(sorted(OPTIONS))
            raise ConfigError([f"a worker: expected {known}; got {', '.join(sorted(unknown))}"])
        path, source = options.get("config"), options.get("source")
        return cls(
            config=None if path is None else (base / path).resolve(),
            start=start if path is None and source is None else None,
            source=source,
            settings=_json("settings", options),
            env=options.get("env"),
            vars=_json("vars", options),
            secrets=_json("secrets", options),
            in_process=bool(options.get("in_process")),
            beside=_all_beside(options, base),
        )

    def load(self, folders: contextlib.ExitStack) -> tuple[Config, ...]:
        """The configurations, this worker's first; `folders` gets those that were made. Raises ConfigError."""
        config = self._config(folders)
        return joined(config, [other._config(folders) for other in self.beside])

    def _config(self, folders: contextlib.ExitStack) -> Config:
        path = self.config
        if self.source is not None:
            if path is not None:
                raise ConfigError(["expected a configuration or a handler's text; got both"])
            folder = folders.enter_context(tempfile.TemporaryDirectory(prefix="paddock-handler-"))
            path = _written(Path(folder), self.source, json.loads(self.settings))
        config = load_config(path, self.env, start=self.start)
        if self.source is None and json.loads(self.settings):
            raise ConfigError(["settings: they belong to a handler's text (source); a project has a configuration"])
        own, secrets = json.loads(self.vars), json.loads(self.secrets)
        return msgspec.structs.replace(
            config,
            vars={**config.vars, **own, **secrets},
            secret_names=(config.secret_names - own.keys()) | secrets.keys(),
        )


def _json(name: str, options: Mapping[str, Any]) -> str:
    given = options.get(name) or {}
    try:
        if isinstance(given, Mapping):
            return json.dumps(given)
        reason = f"got {given!r}"
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise ConfigError([f"{name}: expected an object of names and values as JSON has them; {reason}"])


def _all_beside(options: Mapping[str, Any], base: Path) -> tuple[Project, ...]:
    others = options.get("beside") or ()
    if isinstance(others, str | Path | Mapping):
        raise ConfigError([f"beside: expected a list, of a configuration for each worker; got {others!r}"])
    return tuple(_beside(other, options, base) for other in others)


def _beside(other: object, options: Mapping[str, Any], base: Path) -> Project:
    """A worker beside that of the options, which has its environment unless it says otherwise."""
    if isinstance(other, str | Path):
        other = {"config": other}
    if not isinstance(other, dict) or not ("config" in other or "source" in other) or other.keys() & _OF_FIRST:
        raise ConfigError(
            [f"beside: expected the paths of configurations, or objects with config or source; got {other!r}"]
        )
    return Project.of({"env": options.get("env"), **other}, base)


def _written(folder: Path, source: str, settings: Mapping[str, Any]) -> Path:
    given = {**_SETTINGS, **settings}
    main = folder / str(given["main"])
    main.parent.mkdir(parents=True, exist_ok=True)
    main.write_text(source)
    path = folder / "wrangler.json"
    path.write_text(json.dumps(given))
    return path
