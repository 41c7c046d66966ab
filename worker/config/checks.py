"""What decoded keys amount to, and what is odd about them although each has the right type.

As everything that reads the configuration, these note what is wrong and return something to go on with.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from paddock.worker import compat
from paddock.worker.build import Build
from paddock.worker.config.files import read_secrets

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from paddock.worker.config.diagnostics import Diagnostics
    from paddock.worker.config.files import SecretFiles
    from paddock.worker.config.resources import Resource
    from paddock.worker.config.sections import Key
    from paddock.worker.config.settings import DevSettings, Json, Overrides
    from paddock.worker.config.wrangler import BuildKeys, WranglerKeys

__all__ = [
    "Compatibility",
    "NamedBinding",
    "Variables",
    "check_names",
    "named_bindings",
    "settle_build",
    "settle_compatibility",
    "settle_dev",
    "settle_main",
    "settle_name",
    "settle_vars",
]


class NamedBinding(NamedTuple):
    """A binding's name in `env`, and what wrangler calls its kind."""

    name: str
    kind: str


class Variables(NamedTuple):
    values: dict[str, Json]
    secret_names: frozenset[str]


class Compatibility(NamedTuple):
    date: datetime.date
    flags: frozenset[str]


def settle_name(name: str, env: str | None, keys: Mapping[str, Key]) -> str:
    """The worker's name; an environment without a name of its own adds `-<env>`, as a deployment would."""
    is_of_the_top = keys["name"].path == "name" if "name" in keys else True
    return f"{name}-{env}" if env and is_of_the_top else name


def settle_main(main: str | None, root: Path, keys: Mapping[str, Key], diagnostics: Diagnostics) -> Path:
    """The handler's file. It has to be named; a missing file is only a warning, since saving it mends that."""
    if "main" not in keys:
        diagnostics.error('Missing entry-point: "main" is not set. Add the line: main = "handler.py"')
    if main is None:
        return root
    path = keys["main"].path
    if not main.endswith(".py"):
        diagnostics.error(f'Expected "{path}" to be a Python file (*.py) but got "{main}".', path)
    elif not (root / main).is_file():
        diagnostics.warn(f'The entry-point file at "{main}" was not found.', path)
    return root / main


def settle_compatibility(
    wrangler: WranglerKeys, keys: Mapping[str, Key], today: datetime.date, diagnostics: Diagnostics
) -> Compatibility:
    """The date, and the flags that are on by the date or by name."""
    named, date = wrangler.compatibility_flags, wrangler.compatibility_date
    for problem in compat.flag_problems(named):
        diagnostics.warn(problem, "compatibility_flags")
    if "python_workers" not in named:
        line = "compatibility_flags = " + msgspec.json.encode(["python_workers", *named]).decode()
        diagnostics.warn(
            "The `python_workers` compatibility flag is required to use Python. "
            f"Paddock runs the handler without it, production would not. Add the line: {line}",
            "compatibility_flags",
        )
    if date is None and "compatibility_date" not in keys:  # what is there and no date is an error already
        diagnostics.warn(
            f"No compatibility_date was specified. Using today's date: {today}. "
            f'Add the line: compatibility_date = "{today}"'
        )
    elif date is not None and date > today:
        text = f'"compatibility_date" is in the future: {date}. Production takes dates up to today, {today}.'
        diagnostics.warn(text, "compatibility_date")
    return Compatibility(date or today, compat.enabled_flags(date or today, named))


def named_bindings(wrangler: WranglerKeys, resources: Iterable[Resource]) -> list[NamedBinding]:
    """Every name of `env` that is no variable."""
    found = [NamedBinding(wrangler.ai.binding, "AI")] if wrangler.ai else []
    if wrangler.assets is not None and wrangler.assets.binding:
        found.append(NamedBinding(wrangler.assets.binding, "Assets"))
    found += [NamedBinding(namespace.binding, "KV Namespace") for namespace in wrangler.kv_namespaces]
    found += [NamedBinding(service.binding, "Worker") for service in wrangler.services]
    found += [NamedBinding(producer.binding, "Queue") for producer in wrangler.queues.producers]
    found += [NamedBinding(resource.binding, resource.title) for resource in resources]
    version = wrangler.version_metadata
    return found + ([NamedBinding(version.binding, "Worker Version Metadata")] if version else [])


def settle_vars(
    wrangler: WranglerKeys,
    bindings: Iterable[NamedBinding],
    files: SecretFiles,
    overrides: Overrides,
    diagnostics: Diagnostics,
) -> Variables:
    """Variables of the file, overridden by secrets, overridden by the command line (DT-011).

    Neither of the latter two may take the name of a binding that is not text (DT-018).
    """
    taken = dict(bindings)
    secrets = _secrets(wrangler.secrets.required, files, diagnostics)
    for place, names in ((", ".join(file.name for file in files.files), secrets), ("--var", overrides.vars)):
        for name in taken.keys() & names:
            diagnostics.warn(f"{name} in {place} has no effect: the name belongs to the {taken[name]} binding.")
    more = {name: value for name, value in (secrets | overrides.vars).items() if name not in taken}
    return Variables(wrangler.vars | more, frozenset(secrets) - taken.keys())


def check_names(bindings: Iterable[NamedBinding], variables: Collection[str], diagnostics: Diagnostics) -> None:
    """One error for each name that several bindings have, or a binding and a variable."""
    kinds: dict[str, list[str]] = {}
    for name, kind in (*((name, "Environment Variable") for name in variables), *bindings):
        kinds.setdefault(name, []).append(kind)
    for name, found in kinds.items():
        if len(found) > 1:
            different = list(dict.fromkeys(found))
            assigned = _listed(different) if len(different) > 1 else f"multiple {found[0]}"
            diagnostics.error(
                f"{name} assigned to {assigned} bindings.\n"
                "Bindings must have unique names, so that they can all be referenced in the worker.\n"
                "Please change your bindings to have unique names."
            )


def settle_build(keys: BuildKeys, root: Path) -> Build | None:
    """The custom build, with absolute paths; None without a command."""
    if not keys.command:
        return None
    folders = (keys.watch_dir,) if isinstance(keys.watch_dir, str) else keys.watch_dir
    return Build(keys.command, root / (keys.cwd or "."), tuple((root / folder).resolve() for folder in folders))


def settle_dev(dev: DevSettings, overrides: Overrides) -> DevSettings:
    """`[dev]`, with the address of the command line."""
    given = {name: value for name in dev.__struct_fields__ if (value := getattr(overrides, name)) is not None}
    return msgspec.structs.replace(dev, **given)


def _secrets(required: Collection[str] | None, files: SecretFiles, diagnostics: Diagnostics) -> dict[str, str]:
    """The secrets of the files; with a list of required ones those alone, which may stand in the environment too."""
    found = read_secrets(files)
    if required is None:
        if os.environ.get("CLOUDFLARE_INCLUDE_PROCESS_ENV") == "true":
            # All of it would be a secret, and hidden wherever it is printed: every path, every user's name.
            diagnostics.warn("CLOUDFLARE_INCLUDE_PROCESS_ENV has no effect: name what you need in [secrets] required.")
        return found
    found = {name: value for name in required if (value := found.get(name, os.environ.get(name))) is not None}
    if missing := [name for name in required if name not in found]:
        diagnostics.warn(
            f"Missing required secrets: {', '.join(missing)}. "
            "Add them to .dev.vars, .env, or set as environment variables.",
            "secrets.required",
        )
    return found


def _listed(words: Sequence[str]) -> str:
    """Words as an English list."""
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"
