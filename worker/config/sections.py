"""The sections of a configuration file -> the keys that hold for one environment, each with its path in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from paddock.worker.config.keys import DEV_UNSUPPORTED, INHERITABLE, NOT_INHERITABLE, TOP_LEVEL_ONLY, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config.diagnostics import Diagnostics

__all__ = ["Key", "select_environment"]


class Key(NamedTuple):
    """A value of the chosen environment, and its path in the file for messages."""

    path: str
    value: object


def select_environment(raw: Mapping[str, object], env: str | None, diagnostics: Diagnostics) -> dict[str, Key]:
    """The keys that hold for `env`: its own, and those of the top level that environments inherit."""
    known = INHERITABLE | NOT_INHERITABLE | TOP_LEVEL_ONLY
    diagnostics.unexpected("top-level", [key for key in raw if key not in known], known)
    keys = {name: Key(name, value) for name, value in raw.items() if name in known}
    section = _environment(raw, env, diagnostics)
    if section is not None:
        keys = _merged(keys, section, f"env.{env}", diagnostics)
    return _supported(keys, diagnostics)


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
                f'Please add "{name}" to "{place}".',
                name,
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


def _supported(keys: Mapping[str, Key], diagnostics: Diagnostics) -> dict[str, Key]:
    """The keys without those that have no effect here, which are warned about."""
    for name, key in keys.items():
        if name in UNSUPPORTED:
            diagnostics.warn(f"ignored by Paddock: {key.path}", key.path)
    supported = {name: key for name, key in keys.items() if name not in UNSUPPORTED}
    if "dev" in supported and isinstance(dev := supported["dev"].value, dict):
        for name in DEV_UNSUPPORTED & dev.keys():
            diagnostics.warn(f"ignored by Paddock: dev.{name}", f"dev.{name}")
        supported["dev"] = Key("dev", {name: value for name, value in dev.items() if name not in DEV_UNSUPPORTED})
    return supported
