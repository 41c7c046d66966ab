"""What can be run of somebody's checkout: a worker, and how it is driven."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Case", "Worker"]


@dataclass
class Worker:
    """One worker: `files` by their path in the project, and `config`, the keys of its wrangler-like.toml."""

    files: dict[str, Path]
    config: dict[str, Any]
    requirements: list[str] = field(default_factory=list)
    #: Other workers that it is bound to, which live in the same isolate here: export name -> module and its class.
    others: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: The SDK's own source, which goes before the released one.
    sdk: Path | None = None

    @property
    def main(self) -> str:
        return str(self.config["main"])


@dataclass
class Case:
    """One thing to run. `drive` says how: `test` calls the handler `test`, `suites` asks for `/run-tests/`, `http`."""

    name: str
    drive: str
    worker: Worker
    #: The worker that answers in place of the internet.
    internet: Worker | None = None
