"""One text of SQL as the statements in it."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["has_code", "split"]

#: Possessive, so that no text takes longer than its length allows.
_TOKEN: Final = re.compile(
    r"""
    (?P<space> \s++ | --[^\n]*+ | /\*(?:[^*]|\*(?!/))*+(?:\*/)? )
  | (?P<quoted> '(?:[^']|'')*+'? | "(?:[^"]|"")*+"? | `(?:[^`]|``)*+`? | \[[^\]]*+\]? )
  | (?P<word> \w++ )
  | (?P<end> ; )
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_TRIGGER: Final = re.compile(r"CREATE(?: TEMP| TEMPORARY)? TRIGGER")


def split(sql: str) -> list[str]:
    """The statements of a text, each with what stands before it; empty ones are left out.

    A trigger's body has semicolons of its own: it ends with `; END ;`, as in sqlite3_complete.
    """
    found: list[str] = []
    start, words, before = 0, list[str](), ""
    for token in _TOKEN.finditer(sql):
        kind = token.lastgroup
        if kind == "space":
            continue
        if kind == "end" and not (_TRIGGER.match(" ".join(words)) and before != "; END"):
            if before:
                found.append(sql[start : token.start()])
            start, words, before = token.end(), [], ""
            continue
        text = token[0].upper() if kind in ("word", "end") else "?"
        before = "; END" if (before, text) == (";", "END") else text
        if len(words) < 3:
            words.append(text)
    if before:
        found.append(sql[start:])
    return found


def has_code(sql: str) -> bool:
    """Whether a text is more than white space and comments to the end of a line."""
    return bool(re.sub(r"^\s+--.*", "", sql, flags=re.MULTILINE).strip())
