"""Finding and reading the files that a configuration is made of: its own, in TOML or JSON, and those of secrets."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import dotenv
import msgspec

from paddock.worker.config.lines import line_of
from paddock.worker.errors import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "CONFIG_NAME",
    "ConfigFile",
    "SecretFiles",
    "find_config",
    "find_secrets",
    "find_state",
    "nearest_config",
    "not_found",
    "read_config",
    "read_secrets",
    "secret_candidates",
    "state_here",
]

CONFIG_NAME: Final = "wrangler-like.toml"
#: In the order of search within a folder: ours, then wrangler's own order.
_NAMES: Final = (CONFIG_NAME, "wrangler.json", "wrangler.jsonc", "wrangler.toml")
_EXAMPLE: Final = 'name = "my-worker"\nmain = "handler.py"\ncompatibility_flags = ["python_workers"]'


def find_config(explicit: Path | None, start: Path) -> Path:
    """The configuration file: the one that was named, else the nearest one from `start` upwards."""
    if explicit is not None:
        if not explicit.is_file():
            found = "a folder" if explicit.is_dir() else "none"
            raise ConfigError([f"Expected a configuration file at {explicit}, but there is {found}."])
        return explicit.resolve()
    nearest = nearest_config(start)
    if nearest is None:
        raise ConfigError([not_found(start)])
    return nearest


def nearest_config(start: Path) -> Path | None:
    """The nearest wrangler-like.toml or configuration of wrangler's from `start` upwards."""
    files = (folder / name for folder in _upwards(start) for name in _NAMES)
    return next((file for file in files if file.is_file()), None)


class ConfigFile(NamedTuple):
    """A configuration file as it is: its text and its tables, in which dates are texts as in JSON."""

    path: Path
    text: str
    tables: dict[str, object]

    def line(self, path: str) -> int | None:
        """The line of a key, such as `env.staging.vars`; see lines.py."""
        return line_of(path, self.text, is_json=_is_json(self.path))


def read_config(path: Path) -> ConfigFile:
    """The file: TOML, or JSON with comments and trailing commas where its name says so.

    Raises: ConfigError, which for a syntax error names file, line and column and shows the line.
    """
    text = _text(path)
    tables = _json(path, text) if _is_json(path) else _toml(path, text)
    return ConfigFile(path, text, msgspec.to_builtins(tables))


def _is_json(path: Path) -> bool:
    return path.suffix in (".json", ".jsonc")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError([f"Could not read {path}: {exc.strerror}."]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            [f"Expected {path} to be UTF-8, but byte {exc.start} is {exc.object[exc.start]:#04x}."]
        ) from exc


def _toml(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError([_too_deep(path)]) from None
    except tomllib.TOMLDecodeError as exc:
        # tomllib keeps the place only in its message until Python 3.14, where the error has `lineno` and `colno`.
        place = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(exc), re.DOTALL)
        raise ConfigError([_syntax_error(path, text, *(place.groups() if place else (str(exc), None, None)))]) from exc


def _json(path: Path, text: str) -> dict[str, object]:
    import json5

    try:
        value = json5.loads(text, allow_duplicate_keys=False)
    except RecursionError:
        raise ConfigError([_too_deep(path)]) from None
    except ValueError as exc:
        place = re.fullmatch(r"<string>:(\d+) (.*) at column (\d+)", str(exc), re.DOTALL)
        line, problem, column = place.groups() if place else (None, str(exc), None)
        raise ConfigError([_syntax_error(path, text, problem, line, column)]) from exc
    if not isinstance(value, dict):
        raise ConfigError([f"{path}: expected a JSON object, but got {type(value).__name__}."])
    return value


class SecretFiles(NamedTuple):
    """Where secrets come from. Of a name in several files, the last one counts."""

    files: tuple[Path, ...] = ()
    #: `${NAME}` stands for the value of another name: in .env files, not in .dev.vars.
    expands: bool = False


def find_secrets(folder: Path, env: str | None, named: Sequence[Path], environment: Mapping[str, str]) -> SecretFiles:
    """The files that were named; else `.dev.vars.<env>` or, without it, `.dev.vars`, which are never merged; else the
    .env files that are there, unless CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV is `false`. DT-012 to DT-016.
    """
    if named:
        return SecretFiles(tuple(named), expands=True)
    for name in [f".dev.vars.{env}"] * bool(env) + [".dev.vars"]:
        if (folder / name).exists():
            return SecretFiles((folder / name,))
    if environment.get("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV") == "false":
        return SecretFiles()
    names = [".env", ".env.local"] + [f".env.{env}", f".env.{env}.local"] * bool(env)
    return SecretFiles(tuple(folder / name for name in names if (folder / name).exists()), expands=True)


def secret_candidates(folder: Path, env: str | None, named: Sequence[Path]) -> tuple[Path, ...]:
    """Every file that `find_secrets` may choose, whether it is there or not."""
    names = [".dev.vars", ".env", ".env.local"]
    names += [f".dev.vars.{env}", f".env.{env}", f".env.{env}.local"] * bool(env)
    return (*named, *(folder / name for name in names))


def find_state(root: Path, named: Path | None) -> Path:
    """The state folder: the project's own, or the one that was named, which is relative to where the command runs.

    Raises ConfigError when a file is where the folder or one above it would be.
    """
    folder = root / ".paddock" / "state" if named is None else named.expanduser().resolve()
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise ConfigError([f"Expected a folder for local state at {folder}, but {place} is a file."])
    return folder


def state_here(config: Path | None, named: Path | None) -> Path:
    """The state folder for a command that needs no more of the project: that of its configuration, or the one that the
    server of a handler's file alone has made in the current folder. Raises ConfigError as `find_config` does.
    """
    here = Path.cwd()
    if config is None and nearest_config(here) is None and (folder := find_state(here, named)).is_dir():
        return folder
    return find_state(find_config(config, here).parent, named)


def read_secrets(secrets: SecretFiles) -> dict[str, str]:
    """Names and values of these files. Raises ConfigError with the path of one that cannot be read."""
    texts = []
    for path in secrets.files:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError([f"Could not read the secrets in {path}: {exc}."]) from exc
    values = dotenv.dotenv_values(stream=io.StringIO("\n".join(texts)), interpolate=secrets.expands)
    return {name: value for name, value in values.items() if value is not None}


def _upwards(start: Path) -> Iterator[Path]:
    start = start.resolve()
    yield from (start, *start.parents)


def not_found(start: Path) -> str:
    """That there is no configuration, and how to begin one."""
    names = ", ".join(_NAMES)
    return (
        f"No configuration ({names}) in {start} or any folder above it. `paddock init my-app` begins a project, "
        "and `paddock dev handler.py` runs a file without one. "
        f"A minimal {CONFIG_NAME}:\n{_EXAMPLE}"
    )


def _too_deep(path: Path) -> str:
    return f"{path}: nested too deeply to be a configuration."


def _syntax_error(path: Path, text: str, problem: str, line: str | None, column: str | None) -> Finding:
    """The problem with its place, which is the end of the text where line and column are None."""
    lines = text.splitlines() or [""]
    row = int(line) if line else len(lines)
    shown = lines[min(row, len(lines)) - 1]
    place = int(column) if column else len(shown) + 1
    return Finding(f"{path}:{row}:{place}: {problem}\n{shown}\n{' ' * (place - 1)}^", row)
