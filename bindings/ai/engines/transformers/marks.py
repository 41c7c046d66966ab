"""Marks of pictures in what people write, where they would stand for pictures that are not there."""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["Marks"]

#: What processors and tokenizers call the texts of such tokens; the last two stand around a picture.
_NAMES: Final = ("image_token", "boi_token", "eoi_token")


class Marks:
    """Those of one processor, of transformers'."""

    def __init__(self, processor: Any) -> None:
        named = (getattr(owner, name, None) for owner in (processor, processor.tokenizer) for name in _NAMES)
        marks = {mark for mark in named if isinstance(mark, str) and mark}
        self._pattern = re.compile("|".join(map(re.escape, sorted(marks))) or r"(?!)")

    def out_of(self, value: Any) -> Any:
        """The value, a text or JSON, with no mark in any of its texts."""
        if isinstance(value, str):
            # What closes up where a mark was can be another one, which a space does not let happen again.
            return self._pattern.sub(" ", self._pattern.sub("", value))
        if isinstance(value, list):
            return [self.out_of(item) for item in value]
        if isinstance(value, dict):
            return {key: self.out_of(item) for key, item in value.items()}
        return value
