"""The worker's compatibility flags as attributes: True for a flag that is in force, False for every other name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["install"]

_flags: dict[str, bool] = {}


def install(flags: Mapping[str, bool]) -> None:
    """Set the flags; once, before the handler is imported."""
    _flags.clear()
    _flags.update(flags)


def __getattr__(name: str) -> bool:
    if name.startswith("__"):
        raise AttributeError(name)
    return _flags.get(name, False)
