"""Finding and reading the files that a configuration is made of: wrangler-like.toml and .dev.vars."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

import dotenv

from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CONFIG_NAME", "find_config", "find_secrets", "nearest_config", "read_secrets", "read_toml"]

CONFIG_NAME: Final = "wrangler-like.toml"
_WRANGLER_NAMES: Final = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")  # wrangler's own order of search
_EXAMPLE: Final = 'name = "my-worker"\nmain = "handler.py"\ncompatibility_flags = ["python_workers"]\n'


def find_config(explicit: Path | None, start: Path) -> Path:
    """The configuration file: the one that was named, else the nearest wrangler-like.toml from `start` upwards."""
    if explicit is not None:
        if not explicit.is_file():
            raise ConfigError([f"Expected a configuration file at {explicit}, but there is none."])
        return explicit.resolve()
    nearest = nearest_config(start)
    if nearest is None:
        raise ConfigError([_not_found(start)])
    return nearest


def nearest_config(start: Path) -> Path | None:
    """The nearest wrangler-like.toml from `start` upwards."""
    files = (folder / CONFIG_NAME for folder in _upwards(start))
    return next((file for file in files if file.is_file()), None)


def read_toml(path: Path) -> dict[str, object]:
    """The file as tables. A syntax error names file, line and column and shows the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError([f"Could not read {path}: {exc.strerror}."]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            [f"Expected {path} to be UTF-8, but byte {exc.start} is {exc.object[exc.start]:#04x}."]
        ) from exc
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([_syntax_error(path, text, str(exc))]) from exc


def find_secrets(folder: Path, env: str | None) -> Path | None:
    """`.dev.vars.<env>` when it exists, else `.dev.vars`, else nothing. The two are never merged (DT-012)."""
    names = [f".dev.vars.{env}"] if env else []
    for name in [*names, ".dev.vars"]:
        if (folder / name).exists():
            return folder / name
    return None


def read_secrets(path: Path) -> dict[str, str]:
    """Names and values of a .dev.vars file. `${NAME}` stays as it is: only .env files expand it."""
    try:
        with path.open(encoding="utf-8") as stream:
            values = dotenv.dotenv_values(stream=stream, interpolate=False)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError([f"Could not read the secrets in {path}: {exc}."]) from exc
    return {name: value for name, value in values.items() if value is not None}


def _upwards(start: Path) -> Iterator[Path]:
    start = start.resolve()
    yield from (start, *start.parents)


def _not_found(start: Path) -> str:
    for folder in _upwards(start):
        for name in _WRANGLER_NAMES:
            if (folder / name).is_file():
                return (
                    f"Found {folder / name} but no {CONFIG_NAME}. This version of Paddock reads {CONFIG_NAME} only: "
                    f"write the same keys there, in TOML."
                )
    return f"No {CONFIG_NAME} in {start} or any folder above it. A minimal one:\n{_EXAMPLE}"


def _syntax_error(path: Path, text: str, problem: str) -> str:
    # tomllib keeps the place only in its message until Python 3.14, where the error has `lineno` and `colno`.
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", problem)
    if place is None:
        return f"{path}: {problem}"
    lines = text.splitlines() or [""]
    line = int(place[1]) if place[1] else len(lines)
    shown = lines[min(line, len(lines)) - 1]
    column = int(place[2]) if place[2] else len(shown) + 1
    return f"{path}:{line}:{column}: {problem[: place.start()]}\n{shown}\n{' ' * (column - 1)}^"
