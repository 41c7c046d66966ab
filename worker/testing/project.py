"""The worker that a test is about: a project on disk, or a handler that the test holds as text."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.worker.config.loading import load_config
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config.loading import Config

__all__ = ["Project"]

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

    def load(self) -> tuple[Config, tempfile.TemporaryDirectory[str] | None]:
        """The configuration, and the folder that was made for a handler that is text. Raises ConfigError."""
        folder: tempfile.TemporaryDirectory[str] | None = None
        path = self.config
        if self.source is not None:
            if path is not None:
                raise ConfigError(["expected a configuration or a handler's text; got both"])
            folder = tempfile.TemporaryDirectory(prefix="paddock-handler-")
            path = _written(Path(folder.name), self.source, json.loads(self.settings))
        try:
            config = load_config(path, self.env, start=self.start)
        except BaseException:
            if folder is not None:
                folder.cleanup()
            raise
        if folder is None and json.loads(self.settings):
            raise ConfigError(["settings: they belong to a handler's text (source); a project has a configuration"])
        own, secrets = json.loads(self.vars), json.loads(self.secrets)
        config = msgspec.structs.replace(
            config,
            vars={**config.vars, **own, **secrets},
            secret_names=(config.secret_names - own.keys()) | secrets.keys(),
        )
        return config, folder


def _written(folder: Path, source: str, settings: Mapping[str, Any]) -> Path:
    given = {**_SETTINGS, **settings}
    main = folder / str(given["main"])
    main.parent.mkdir(parents=True, exist_ok=True)
    main.write_text(source)
    path = folder / "wrangler.json"
    path.write_text(json.dumps(given))
    return path
