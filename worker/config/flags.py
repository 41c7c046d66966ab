"""What the command line says about keys of the configuration file: it goes before what stands there.

Each flag becomes the key that it is for, under the flag's name, so that the readers of those keys check both, and an
error about a flag names the flag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paddock.worker.config.sections import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config.settings import Overrides

__all__ = ["with_flags"]


def with_flags(keys: Mapping[str, Key], overrides: Overrides) -> dict[str, Key]:
    """The keys of the file, and in place of some of them what the command line says. `[paddock]` keeps its other keys.

    Paths of the command line are relative to the current folder, those of the file to the file's.
    """
    given: dict[str, Key] = {}
    if overrides.main is not None:
        given["main"] = Key("script", str(overrides.main.expanduser().resolve()))
    if overrides.name is not None:
        given["name"] = Key("--name", overrides.name)
    if overrides.compatibility_date is not None:
        given["compatibility_date"] = Key("--compatibility-date", overrides.compatibility_date)
    if overrides.compatibility_flags:
        given["compatibility_flags"] = Key("--compatibility-flags", list(overrides.compatibility_flags))
    if overrides.routes:
        given["routes"] = Key("--routes", list(overrides.routes))
    if paddock := _paddock(keys.get("paddock"), overrides):
        given["paddock"] = paddock
    return {name: key for name, key in keys.items() if not (name == "route" and overrides.routes)} | given


def _paddock(key: Key | None, overrides: Overrides) -> Key | None:
    """`[paddock]` with what the command line says; None where it says nothing, or the file's is no table."""
    value = key.value if key is not None else {}
    if not isinstance(value, dict):
        return None
    given: dict[str, Any] = {}
    if overrides.catalog is not None:
        given["catalog"] = str(overrides.catalog.expanduser().resolve())
    if overrides.strict is not None:
        given["strict"] = overrides.strict
    engine = {"kind": overrides.engine, "keep_alive": overrides.keep_alive}
    if engine := {name: said for name, said in engine.items() if said is not None}:
        given["engine"] = _merged(value.get("engine"), engine)
    if overrides.preload:
        models = value.get("models")
        pinned = {
            model: _merged(models.get(model) if isinstance(models, dict) else None, {"pinned": True})
            for model in overrides.preload
        }
        given["models"] = _merged(models, pinned)
    return Key(key.path if key else "paddock", value | given) if given else None


def _merged(table: object, more: dict[str, Any]) -> object:
    """A table with more in it. What should be a table and is none stays, for its reader to complain of."""
    if table is None:
        return more
    return table | more if isinstance(table, dict) else table
