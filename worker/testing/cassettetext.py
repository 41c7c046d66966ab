"""The values of cassettes as text that people can read: vectors on one line each, files by what identifies them."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import yaml

from paddock.bindings.ai.files import file_bytes
from paddock.bindings.errors import InputError

__all__ = ["rounded", "shortened", "yaml_of"]

#: Inputs that are files, in whatever form.
_FILES: Final = frozenset({"audio", "image"})
_WIDTH: Final = 110


def shortened(value: Any, name: str = "") -> Any:
    """Inputs with every file, whether bytes, numbers or base64, replaced by its length and hash."""
    match value:
        case bytes():
            return _fingerprint(value)
        case dict():
            return {key: shortened(member, key) for key, member in value.items()}
        case str() if name in _FILES or (value.startswith("data:") and ";base64," in value[:200]):
            return _known(name, value)
        case list() if name in _FILES:
            return _known(name, value)
        case list():
            return [shortened(one) for one in value]
    return value


def _known(name: str, value: object) -> object:
    try:
        return _fingerprint(file_bytes(name, value))
    except InputError:  # an address, or what stands for a file already
        return value


def _fingerprint(data: bytes) -> str:
    return f"<file of {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}>"


def rounded(value: Any) -> Any:
    """An answer whose vectors have seven digits, which is what single precision has."""
    match value:
        case dict():
            return {key: rounded(member) for key, member in value.items()}
        case list() if _is_vector(value):
            return [float(f"{number:.7g}") if isinstance(number, float) else number for number in value]
        case list():
            return [rounded(one) for one in value]
    return value


def yaml_of(content: object) -> str:
    """The text of plain values."""
    return yaml.dump(_marked(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


class _Vector(list[float]):
    """Numbers that stand on one line."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """What is there twice is written twice."""
        return True

    def write_indent(self) -> None:
        """As it is, but vectors are the only things in brackets, and are not broken over lines."""
        if not self.flow_level:
            super().write_indent()


_Dumper.add_representer(
    _Vector, lambda dumper, vector: dumper.represent_sequence("tag:yaml.org,2002:seq", vector, flow_style=True)
)


def _marked(value: Any) -> Any:
    match value:
        case dict():
            return {key: _marked(member) for key, member in value.items()}
        case list() if _is_vector(value):
            return _Vector(value)
        case list():
            return [_marked(one) for one in value]
    return value


def _is_vector(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
