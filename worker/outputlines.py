"""What a handler prints, tied to the request that printed it: how an isolate marks lines, and the server reads marks.

Lines travel through pipes, as they would without Paddock, and are shown unaltered. Only where the log tells requests
apart does a line begin with a mark, which is taken off again.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["marked", "unmarked"]

#: ASCII's separators, which texts do not have.
_OPEN, _CLOSE = "\x1e", "\x1f"
_MARK: Final = re.compile(rf"{_OPEN}([0-9a-f]{{32}}){_CLOSE}")


def marked(text: str, request_id: str, *, is_at_start: bool) -> str:
    """A piece of output with the mark before every line that begins in it; the first one begins where `is_at_start`."""
    mark = f"{_OPEN}{request_id}{_CLOSE}"
    inner, end = (text[:-1], "\n") if text.endswith("\n") else (text, "")
    return (mark if is_at_start and text else "") + inner.replace("\n", "\n" + mark) + end


def unmarked(line: str) -> tuple[str, str]:
    """The request's id, or nothing, and the line as it was printed."""
    found = _MARK.match(line)
    return (found[1], line[found.end() :]) if found is not None else ("", line)
