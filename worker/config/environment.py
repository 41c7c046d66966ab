"""What the environment says about keys of the configuration: it goes before the file, and flags go before it.

Every key of `[dev]`, `[paddock]` and `[paddock.engine]` that holds one value is also a variable: `PADDOCK_PORT`,
`PADDOCK_STRICT`, `PADDOCK_ENGINE_KEEP_ALIVE`. The names are made of the structs, so that a new key has its variable at
once. For programs that run Paddock where nobody edits a file: CI, containers. In one of Kubernetes, a service that is
called paddock has its address in PADDOCK_PORT, which nobody meant as a port.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from paddock.worker.config.sections import Key
from paddock.worker.config.settings import DevSettings, EngineSettings, PaddockSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config.diagnostics import Diagnostics

__all__ = ["VARIABLES", "Variable", "with_environment"]

_PREFIX: Final = "PADDOCK_"
#: Tables, and the servers and their key, which PADDOCK_REMOTE_URL and PADDOCK_REMOTE_KEY are for.
_LEFT_OUT: Final = {"engine", "models", "url", "urls", "remote_key"}
#: Variables of other meanings, for which no setting is near.
_OTHERS: Final = {"PADDOCK_ENGINE", "PADDOCK_LOG", "PADDOCK_REMOTE_KEY", "PADDOCK_REMOTE_URL", "PADDOCK_URL"}
#: So alike is a name that is meant for another. A Worker's tests may have variables of this prefix themselves.
_NEAR: Final = 0.9


class Variable(NamedTuple):
    """Where the key is, and what it holds."""

    path: tuple[str, ...]
    type: Any


def _variables(struct: type[msgspec.Struct], *path: str, prefix: str = _PREFIX) -> dict[str, Variable]:
    fields = [field for field in msgspec.structs.fields(struct) if field.name not in _LEFT_OUT]
    return {prefix + field.name.upper(): Variable((*path, field.name), field.type) for field in fields}


#: Name -> key.
VARIABLES: Final[dict[str, Variable]] = {
    **_variables(DevSettings, "dev"),
    **_variables(PaddockSettings, "paddock"),
    **_variables(EngineSettings, "paddock", "engine", prefix=f"{_PREFIX}ENGINE_"),
}


def with_environment(
    keys: Mapping[str, Key], environment: Mapping[str, str], diagnostics: Diagnostics
) -> dict[str, Key]:
    """The keys of the file, and in place of some of them what the environment says. An empty variable says nothing.

    Notes values that do not fit by the name of the variable, and variables whose names are nearly those of a key.
    """
    found = dict(keys)
    for name, variable in VARIABLES.items():
        if (text := environment.get(name)) and text.startswith("tcp://") and name == "PADDOCK_PORT":
            diagnostics.warn(f"PADDOCK_PORT is the address of a service ({text}) and no port; it is left out.")
        elif text:
            top, *inner = variable.path
            key = found.get(top, Key(top, {}))
            if (value := _typed(name, text, variable.type, diagnostics)) is not msgspec.UNSET:
                found[top] = key._replace(value=_with(key.value, inner, value))
    for name in environment.keys() - VARIABLES.keys() - _OTHERS:
        if name.startswith(_PREFIX) and (near := difflib.get_close_matches(name, VARIABLES, n=1, cutoff=_NEAR)):
            diagnostics.warn(f"{name} in the environment is no setting of Paddock's (did you mean {near[0]}?).")
    return found


def _typed(name: str, text: str, expected: Any, diagnostics: Diagnostics) -> object:
    """The text as the key's type: `8787`, `true`, `5m`, `null` for a key that may be None.

    UNSET, and an error, where it is none of them.
    """
    if name == "PADDOCK_CATALOG":  # like a path of the command line, relative to the current folder
        return str(Path(text).expanduser().resolve())
    try:
        return msgspec.convert(text, expected, strict=False)
    except msgspec.ValidationError:
        diagnostics.convert(text, expected, name)  # fails as well, and says what was expected
        return msgspec.UNSET


def _with(table: object, path: list[str], value: object) -> object:
    """A table with a value in it. What should be a table and is none stays, for its reader to complain of."""
    if not isinstance(table, dict):
        return table
    first, *rest = path
    return {**table, first: _with(table.get(first, {}), rest, value) if rest else value}
