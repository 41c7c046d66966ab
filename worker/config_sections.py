"""One reader for each part of wrangler-like.toml. Readers never raise: they note what is wrong and return a default."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from paddock.worker import compat
from paddock.worker.config_files import SecretFiles, read_secrets
from paddock.worker.config_keys import DEV_UNSUPPORTED, INHERITABLE, NOT_INHERITABLE, TOP_LEVEL_ONLY, UNSUPPORTED
from paddock.worker.config_settings import (
    DevSettings,
    EngineSettings,
    Json,
    LimitsSettings,
    ModelSettings,
    Overrides,
    PaddockSettings,
    Url,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paddock.worker.config_bindings import NamedBinding
    from paddock.worker.config_diagnostics import Diagnostics

__all__ = [
    "Compatibility",
    "Key",
    "Variables",
    "read_ai",
    "read_compatibility",
    "read_determinism",
    "read_dev",
    "read_limits",
    "read_main",
    "read_name",
    "read_paddock",
    "read_servers",
    "read_vars",
    "select_environment",
]

_WORKER_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9-_]*")  # source: wrangler's rule for names
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+")


class Key(NamedTuple):
    """A value of the chosen environment, and its path in the file for messages."""

    path: str
    value: object


class Variables(NamedTuple):
    values: dict[str, Json]
    secret_names: frozenset[str]


class Compatibility(NamedTuple):
    date: datetime.date
    flags: frozenset[str]


def select_environment(raw: Mapping[str, object], env: str | None, diagnostics: Diagnostics) -> dict[str, Key]:
    """The keys that hold for `env`: its own, and those of the top level that environments inherit."""
    known = INHERITABLE | NOT_INHERITABLE | TOP_LEVEL_ONLY
    diagnostics.unexpected("top-level", [key for key in raw if key not in known], known)
    keys = {name: Key(name, value) for name, value in raw.items() if name in known}
    section = _environment(raw, env, diagnostics)
    if section is not None:
        keys = _merged(keys, section, f"env.{env}", diagnostics)
    for name, key in keys.items():
        if name in UNSUPPORTED:
            diagnostics.warn(f"ignored by Paddock: {key.path}")
    return keys


def read_name(keys: Mapping[str, Key], env: str | None, diagnostics: Diagnostics) -> str:
    """The worker's name; an environment without a name of its own adds `-<env>`, as a deployment would."""
    key = keys.get("name", Key("name", "worker"))
    if not (isinstance(key.value, str) and _WORKER_NAME.fullmatch(key.value)):
        diagnostics.mismatch(key.path, key.value, "string, alphanumeric and lowercase with dashes only")
        return "worker"
    return f"{key.value}-{env}" if env and key.path == "name" else key.value


def read_main(keys: Mapping[str, Key], root: Path, diagnostics: Diagnostics) -> Path:
    """The handler's file. It has to be named; a missing file is only a warning, since saving it mends that."""
    if "main" not in keys:
        diagnostics.error('Missing entry-point: "main" is not set. Add the line: main = "handler.py"')
        return root
    key = keys["main"]
    main = diagnostics.convert(key.value, str, key.path)
    if main is None:
        return root
    if not main.endswith(".py"):
        diagnostics.error(f'Expected "{key.path}" to be a Python file (*.py) but got "{main}".')
    elif not (root / main).is_file():
        diagnostics.warn(f'The entry-point file at "{main}" was not found.')
    return root / main


def read_compatibility(keys: Mapping[str, Key], today: datetime.date, diagnostics: Diagnostics) -> Compatibility:
    """The date, and the flags that are on by the date or by name."""
    named: tuple[str, ...] = ()
    if key := keys.get("compatibility_flags"):
        named = diagnostics.convert(key.value, tuple[str, ...], key.path) or ()
    for problem in compat.flag_problems(named):
        diagnostics.warn(problem)
    if "python_workers" not in named:
        line = "compatibility_flags = " + msgspec.json.encode(["python_workers", *named]).decode()
        diagnostics.warn(
            "The `python_workers` compatibility flag is required to use Python. "
            f"Paddock runs the handler without it, production would not. Add the line: {line}"
        )
    date = _compatibility_date(keys, today, diagnostics)
    return Compatibility(date, compat.enabled_flags(date, named))


def read_ai(keys: Mapping[str, Key], diagnostics: Diagnostics) -> str | None:
    """The name of the AI binding. `remote` and `staging` are accepted: here the models always run locally."""
    key = keys.get("ai")
    if key is None:
        return None
    table = diagnostics.table(key.value, key.path)
    known = ("binding", "remote", "staging")
    diagnostics.unexpected(key.path, [name for name in table if name not in known], known)
    binding = table.get("binding")
    if isinstance(binding, str) and binding:
        return binding
    if isinstance(key.value, dict):
        diagnostics.error(f'"{key.path}" binding should have a string "binding" field.')
    return None


def read_vars(
    keys: Mapping[str, Key],
    secret_files: SecretFiles,
    overrides: Mapping[str, str],
    bindings: Iterable[NamedBinding],
    diagnostics: Diagnostics,
) -> Variables:
    """Variables of the file, overridden by secrets, overridden by the command line (DT-011).

    Neither of the latter two may take the name of a binding that is not text (DT-018).
    """
    taken = dict(bindings)
    values: dict[str, Json] = {}
    if key := keys.get("vars"):
        table = diagnostics.table(key.value, key.path)
        values = {name: msgspec.to_builtins(value) for name, value in table.items()}  # TOML dates become texts
    secrets = read_secrets(secret_files)
    for place, names in ((", ".join(file.name for file in secret_files.files), secrets), ("--var", overrides)):
        for name in taken.keys() & names:
            diagnostics.warn(f"{name} in {place} has no effect: the name belongs to the {taken[name]} binding.")
    values.update((name, value) for name, value in (secrets | dict(overrides)).items() if name not in taken)
    return Variables(values, frozenset(secrets) - taken.keys())


def read_dev(keys: Mapping[str, Key], overrides: Overrides, diagnostics: Diagnostics) -> DevSettings:
    """`[dev]`, with the address of the command line."""
    table = diagnostics.table(keys["dev"].value, "dev") if "dev" in keys else {}
    known = DEV_UNSUPPORTED.union(DevSettings.__struct_fields__)
    diagnostics.unexpected("dev", [name for name in table if name not in known], known)
    for name in table:
        if name in DEV_UNSUPPORTED:
            diagnostics.warn(f"ignored by Paddock: dev.{name}")
    settings = diagnostics.fields(table, DevSettings, "dev")
    given = {name: value for name in settings.__struct_fields__ if (value := getattr(overrides, name)) is not None}
    return msgspec.structs.replace(settings, **given)


def read_limits(keys: Mapping[str, Key], diagnostics: Diagnostics) -> LimitsSettings:
    """`[limits]`, of the environment where it has its own."""
    if "limits" not in keys:
        return LimitsSettings()
    key = keys["limits"]
    table = diagnostics.table(key.value, key.path)
    known = LimitsSettings.__struct_fields__
    diagnostics.unexpected(key.path, [name for name in table if name not in known], known)
    return diagnostics.fields(table, LimitsSettings, key.path)


def read_paddock(keys: Mapping[str, Key], root: Path, diagnostics: Diagnostics) -> PaddockSettings:
    """`[paddock]`, strict, with its folders made absolute."""
    if "paddock" not in keys:
        return PaddockSettings()
    settings = diagnostics.strict(_with_lists(keys["paddock"].value), PaddockSettings, "paddock")
    catalog = settings.catalog
    if catalog is not None:
        catalog = _folder(catalog, root, "paddock.catalog", "model files", diagnostics)
    _check_servers(settings, diagnostics)
    models = {
        model: _located(entry, root, f'paddock.models."{model}"', bool(settings.servers(model)), diagnostics)
        for model, entry in settings.models.items()
    }
    return msgspec.structs.replace(settings, catalog=catalog, models=models)


def _merged(
    top: Mapping[str, Key], section: Mapping[str, object], place: str, diagnostics: Diagnostics
) -> dict[str, Key]:
    known = INHERITABLE | NOT_INHERITABLE
    diagnostics.unexpected(place, [key for key in section if key not in known], known)
    for name in top:
        if name in NOT_INHERITABLE and name not in section:
            diagnostics.warn(
                f'"{name}" exists at the top level, but not on "{place}".\n'
                f'This is not what you probably want, since "{name}" is not inherited by environments.\n'
                f'Please add "{name}" to "{place}".'
            )
    inherited = {name: key for name, key in top.items() if name not in NOT_INHERITABLE}
    return inherited | {name: Key(f"{place}.{name}", value) for name, value in section.items() if name in known}


def _environment(raw: Mapping[str, object], env: str | None, diagnostics: Diagnostics) -> Mapping[str, object] | None:
    environments = diagnostics.table(raw.get("env", {}), "env")
    if env is None:
        return None
    if env in environments:
        return diagnostics.table(environments[env], f"env.{env}")
    text = (
        f'No environment found in configuration with name "{env}".\n'
        f"Before using `--env={env}` there should be an equivalent environment section in the configuration.\n"
    )
    if environments:
        names = msgspec.json.encode(list(environments)).decode()
        diagnostics.error(f"{text}The available configured environment names are: {names}")
    else:
        diagnostics.warn(f"{text}Add a section to {diagnostics.source}: [env.{env}]")
    return None


def _compatibility_date(keys: Mapping[str, Key], today: datetime.date, diagnostics: Diagnostics) -> datetime.date:
    if "compatibility_date" not in keys:
        diagnostics.warn(
            f"No compatibility_date was specified. Using today's date: {today}. "
            f'Add the line: compatibility_date = "{today}"'
        )
        return today
    key = keys["compatibility_date"]
    date = diagnostics.convert(key.value, datetime.date, key.path)
    if date is not None and date > today:
        diagnostics.warn(f'"{key.path}" is in the future: {date}. Production takes dates up to today, {today}.')
    return date or today


def read_servers(engine: EngineSettings, environment: Mapping[str, str], diagnostics: Diagnostics) -> EngineSettings:
    """The engine with the servers and the key that the environment names, which go before the file's.

    PADDOCK_REMOTE_URL holds addresses between commas, and makes the engine a remote one.
    """
    if key := environment.get("PADDOCK_REMOTE_KEY"):
        engine = msgspec.structs.replace(engine, remote_key=key)
    if text := environment.get("PADDOCK_REMOTE_URL"):
        urls = diagnostics.convert(text.replace(",", " ").split(), list[Url], "PADDOCK_REMOTE_URL")
        engine = msgspec.structs.replace(engine, kind="remote", url=None, urls=urls or [])
    return engine


def read_determinism(engine: EngineSettings, overrides: Overrides, diagnostics: Diagnostics) -> EngineSettings:
    """The engine, deterministic where the command line says so. A server elsewhere cannot be told to be."""
    engine = msgspec.structs.replace(engine, deterministic=engine.deterministic or overrides.deterministic)
    if engine.deterministic and engine.kind == "remote":
        diagnostics.error(
            '"paddock.engine.deterministic" (--deterministic) is for engines on this machine, but '
            '"paddock.engine.kind" is "remote". Start those servers with VLLM_BATCH_INVARIANT=1 instead.'
        )
    return engine


def _with_lists(paddock: object) -> object:
    """`[paddock]` with each model's only server as a list of one.

    The type `str | list[str]` would say the same, but msgspec 0.22 corrupts memory when it converts to it.
    """
    if not isinstance(paddock, dict) or not isinstance(models := paddock.get("models"), dict):
        return paddock
    return paddock | {"models": {model: _with_list(entry) for model, entry in models.items()}}


def _with_list(entry: object) -> object:
    if isinstance(entry, dict) and isinstance(entry.get("engine"), str):
        return {**entry, "engine": [entry["engine"]]}
    return entry


def _check_servers(settings: PaddockSettings, diagnostics: Diagnostics) -> None:
    """Addresses that nobody would use, and those that are missing."""
    engine = settings.engine
    has_urls = engine.url is not None or bool(engine.urls)
    if engine.kind == "remote" and not has_urls:
        diagnostics.error(
            'Expected "paddock.engine.url" or "paddock.engine.urls" with kind = "remote", but got neither.'
        )
    if engine.kind != "remote" and has_urls:
        diagnostics.error(f'"paddock.engine.url" needs kind = "remote", but "paddock.engine.kind" is "{engine.kind}".')
    if engine.url is not None and engine.urls:
        diagnostics.error('Expected "paddock.engine.url" or "paddock.engine.urls", but got both.')
    for model, entry in settings.models.items():
        if entry.weights is not None and entry.engine:
            path = f'paddock.models."{model}"'
            diagnostics.error(
                f'Expected "{path}.engine" or "{path}.weights", but got both: a server has its own weights.'
            )
        if entry.remote_model is not None and not settings.servers(model):
            diagnostics.error(f'"paddock.models."{model}".remote_model" needs servers, but there is no "engine".')


def _located(entry: ModelSettings, root: Path, path: str, is_remote: bool, diagnostics: Diagnostics) -> ModelSettings:
    weights = entry.weights
    if weights is not None and _is_folder_name(weights, root):
        weights = _folder(weights, root, f"{path}.weights", "weights", diagnostics)
    elif weights is not None and not _REPOSITORY.fullmatch(weights):
        diagnostics.mismatch(f"{path}.weights", weights, 'folder or Hugging Face repository ("owner/name")')
    lora = {
        # A folder on a server's machine is taken as it stands, and a relative one for a folder that both have.
        name: str((root / Path(folder).expanduser()).resolve())
        if is_remote
        else _folder(folder, root, f"{path}.lora.{name}", "an adapter", diagnostics)
        for name, folder in entry.lora.items()
    }
    return msgspec.structs.replace(entry, weights=weights, lora=lora)


def _is_folder_name(weights: str, root: Path) -> bool:
    """Whether `weights` names a folder: by its shape, or because there is such a folder in the project."""
    return weights.startswith((".", "/", "~")) or (root / weights).is_dir()


def _folder(text: str, root: Path, path: str, content: str, diagnostics: Diagnostics) -> str:
    folder = (root / Path(text).expanduser()).resolve()
    if not folder.is_dir():
        diagnostics.error(f'Expected "{path}" to be a folder with {content}, but there is none at {folder}.')
    return str(folder)
