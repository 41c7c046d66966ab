"""What every answer about texts has: a numbered row for each, and what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Usage", "in_order"]


class Usage(msgspec.Struct):
    """What the server counts."""

    prompt_tokens: int = 0


class _Numbered(Protocol):
    index: int


_Row = TypeVar("_Row", bound=_Numbered)


def in_order(rows: Sequence[_Row], texts: int, url: str) -> list[_Row]:
    """One row for each text, in their order. Raises EngineUnavailable for less or more than that."""
    ordered = sorted(rows, key=lambda row: row.index)
    if [row.index for row in ordered] != list(range(texts)):
        raise EngineUnavailable(f"{url} answers with {len(rows)} rows for {texts} texts")
    return ordered
