"""Values of the user's variables as text, without running any of the user's code.

A `__repr__` may take for ever, end the process or change what it shows; so none is called that is not of the
interpreter itself. Objects are shown by their class and their members, which are read past any `__getattribute__`. The
text is bounded in length, depth and number of values, however large the value is.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import itertools
import pathlib
import re
import types
import uuid
import zoneinfo
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["HIDDEN", "Shower", "is_secret_name"]

HIDDEN: Final = "(hidden)"
_DEPTH: Final = 4
_ITEMS: Final = 20
#: Of one value, all that is inside it included.
_VALUES: Final = 120
_CHARACTERS: Final = 200
_LONGEST: Final = 1000
_BITS: Final = 256
#: A shorter secret would be found inside ordinary words.
_SHORTEST_SECRET: Final = 4
_SECRET: Final = re.compile(r"secret|token|passw|pwd|api_?key|private|credential|auth(?!or)|cookie|session_?id", re.I)
#: Exact types whose `__repr__` runs none but its own code, quickly.
_PLAIN: Final = frozenset(
    {
        bool, float, complex, type(None), type(...), decimal.Decimal, uuid.UUID,
        datetime.date, datetime.timedelta, pathlib.PosixPath, pathlib.PurePosixPath,
    }
)  # fmt: skip
_TIMES: Final = (datetime.datetime, datetime.time)
#: The time zones that tell their name without code of the user.
_ZONES: Final = (type(None), datetime.timezone, zoneinfo.ZoneInfo)
_NUMBERS: Final = (bool, int, float, type(None))
_JS_MEMBERS: Final = "_JsObject__members"
_SEQUENCES: Final[tuple[tuple[Any, str, str], ...]] = (
    (list, "[", "]"), (tuple, "(", ")"), (set, "{", "}"), (frozenset, "{", "}"),
)  # fmt: skip
_FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def is_secret_name(name: str) -> bool:
    """Whether a variable, header or member of this name most likely holds a secret."""
    return _SECRET.search(name) is not None


class Shower:
    """Makes text of values. `secrets` are strings that must not be seen in any of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((text for text in secrets if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._left = 0

    def show(self, value: object) -> str:
        """The value as text."""
        self._left = _VALUES
        return _cut(self._value(value, _DEPTH), _LONGEST)

    def named(self, name: str, value: object) -> str:
        """The value of a variable, unless its name says that it is a secret."""
        return HIDDEN if _is_hidden(name, value) else self.show(value)

    def text(self, text: str, longest: int) -> str:
        """A text, without secrets and no longer than that."""
        return _cut(self._masked(text), longest)

    def _value(self, value: Any, depth: int) -> str:
        self._left -= 1
        kind = type(value)
        if issubclass(kind, type):  # isinstance would ask the object
            return f"<class {_name_of(value)}>"
        if issubclass(kind, str):
            return self._string(str.__getitem__(value, slice(_LONGEST)))
        if issubclass(kind, bytes):
            return repr(bytes.__getitem__(value, slice(_CHARACTERS)))
        if issubclass(kind, enum.Enum):
            return f"{_name_of(kind)}.{_own_members(value).get('_name_', '?')}"
        if kind is int:
            return repr(value) if int.bit_length(value) <= _BITS else f"<int of {int.bit_length(value)} bits>"
        if kind in _PLAIN:
            return self._masked(_cut(repr(value), _CHARACTERS))
        if kind in _TIMES and type(value.tzinfo) in _ZONES:
            return repr(value)
        if kind is re.Pattern:
            return f"re.compile({self._value(value.pattern, depth)})"
        if issubclass(kind, _FUNCTIONS):
            return f"<{_name_of(kind)}>" if kind is types.MethodType else f"<function {_function_name(value)}>"
        if issubclass(kind, types.ModuleType):
            return "<module>"
        return self._container(value, kind, depth)

    def _string(self, text: str) -> str:
        masked = self._masked(text)
        return repr(masked) if len(masked) <= _CHARACTERS else f"{masked[:_CHARACTERS]!r}…"

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
            # What was cut off may have been the rest of a secret.
            begun = next((n for n in range(min(len(secret), len(text)), 7, -1) if text.endswith(secret[:n])), 0)
            text = text[: len(text) - begun] + HIDDEN if begun else text
        return text

    def _container(self, value: Any, kind: type, depth: int) -> str:
        if depth == 0 or self._left <= 0:
            return f"<{_name_of(kind)}>"
        if issubclass(kind, dict):
            pairs = (self._pair(key, item, depth) for key, item in dict.items(value))
            return "{" + self._joined(pairs, dict.__len__(value)) + "}"
        for base, start, end in _SEQUENCES:
            if issubclass(kind, base):
                items = (self._value(item, depth - 1) for item in base.__iter__(value))
                return start + self._joined(items, base.__len__(value)) + end
        return self._object(value, kind, depth)

    def _object(self, value: object, kind: type, depth: int) -> str:
        members = _own_members(value)
        shown = (
            f"{name}={HIDDEN if _is_hidden(name, member) else self._value(member, depth - 1)}"
            for name, member in members.items()
            if type(name) is str
        )
        return f"{_name_of(kind)}({self._joined(shown, len(members))})" if members else f"<{_name_of(kind)}>"

    def _pair(self, key: object, item: object, depth: int) -> str:
        is_secret = type(key) is str and _is_hidden(key, item)
        return f"{self._value(key, depth - 1)}: {HIDDEN if is_secret else self._value(item, depth - 1)}"

    def _joined(self, texts: Iterator[str], length: int) -> str:
        shown = []
        for text in itertools.islice(texts, _ITEMS):
            shown.append(text)
            if self._left <= 0:
                break
        more = length - len(shown)
        return ", ".join([*shown, f"… {more} more"] if more else shown)


def _is_hidden(name: str, value: object) -> bool:
    """Numbers are no secrets, and many have such names: `max_tokens`."""
    return is_secret_name(name) and type(value) not in _NUMBERS


def _own_members(value: object) -> dict[str, object]:
    """Members of an object, from its dictionary and its slots, without asking the object."""
    members: dict[str, object] = {}
    for cls in type.__dict__["__mro__"].__get__(type(value)):
        namespace = type.__dict__["__dict__"].__get__(cls)
        for name, descriptor in itertools.islice(namespace.items(), 200):
            if name == "__dict__" and type(descriptor) is types.GetSetDescriptorType:
                own = descriptor.__get__(value)
                members |= dict(itertools.islice(own.items(), _ITEMS)) if type(own) is dict else {}
            elif type(descriptor) is types.MemberDescriptorType and not name.startswith("__"):
                try:
                    found = descriptor.__get__(value)
                except AttributeError:  # a slot that was never filled
                    continue
                # Objects of JavaScript keep their members in one slot.
                members |= dict(itertools.islice(found.items(), _ITEMS)) if name == _JS_MEMBERS else {name: found}
    return members


def _name_of(cls: type) -> str:
    name: str = type.__dict__["__name__"].__get__(cls)
    return name


def _function_name(value: Any) -> str:
    name: str = value.__name__ if type(value) in (types.FunctionType, types.BuiltinFunctionType) else "?"
    return name


def _cut(text: str, longest: int) -> str:
    """The beginning of a text; lone surrogates, which no encoding has, are escaped."""
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= longest else text[:longest] + "…"
