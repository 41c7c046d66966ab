"""`.assetsignore`: files that are in the folder and are no assets. Its format is that of .gitignore.

Source: git's documentation, gitignore(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Ignored"]

_TOKENS: Final = re.compile(
    r"(?P<lead>^\*\*/)|(?P<mid>/\*\*/)|(?P<tail>/\*\*$)|\*+|\?|\[(?P<set>!?[^\]]+)\]|\\(?P<raw>.)|."
)


class _Pattern(NamedTuple):
    regex: re.Pattern[str]
    is_negated: bool
    #: It only matches folders, so a file only as part of one.
    is_folder: bool


class Ignored:
    """Whether a path is ignored; the file is read again when it has changed. Blocks, and belongs in a thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed_ns = -1
        self._patterns: list[_Pattern] = []

    def __call__(self, segments: Sequence[str]) -> bool:
        """Whether a file with these path segments, or a folder that it is in, is ignored."""
        patterns = self._read()
        if not patterns:
            return False
        return any(
            _is_ignored("/".join(segments[:count]), patterns, is_folder=count < len(segments))
            for count in range(1, len(segments) + 1)
        )

    def _read(self) -> list[_Pattern]:
        try:
            changed_ns = self._file.stat().st_mtime_ns
            if changed_ns != self._changed_ns:
                text = self._file.read_text("utf-8", "replace")
                self._patterns = [pattern for line in text.splitlines() if (pattern := _pattern(line)) is not None]
                self._changed_ns = changed_ns
        except OSError:
            self._changed_ns, self._patterns = -1, []
        return self._patterns


def _is_ignored(path: str, patterns: Sequence[_Pattern], *, is_folder: bool) -> bool:
    """The last pattern that matches decides."""
    for pattern in reversed(patterns):
        if (is_folder or not pattern.is_folder) and pattern.regex.fullmatch(path):
            return not pattern.is_negated
    return False


def _pattern(line: str) -> _Pattern | None:
    text = re.sub(r"(?<!\\)\s+$", "", line)
    if not text or text.startswith("#"):
        return None
    is_negated = text.startswith("!")
    text = text.removeprefix("!")
    is_folder = text.endswith("/")
    text = text.rstrip("/")
    # A slash anywhere but at the end ties the pattern to the folder of the file.
    anchor = "" if "/" in text else "(?:.*/)?"
    try:
        return _Pattern(re.compile(anchor + _TOKENS.sub(_translated, text.lstrip("/"))), is_negated, is_folder)
    except re.error:
        return None


def _translated(token: re.Match[str]) -> str:
    if token["lead"]:
        return "(?:.*/)?"
    if token["mid"]:
        return "/(?:.*/)?"
    if token["tail"]:
        return "/.*"
    if token["set"]:
        return f"[{token['set'].replace('!', '^', 1) if token['set'].startswith('!') else token['set']}]"
    if token["raw"]:
        return re.escape(token["raw"])
    text = token[0]
    return "[^/]*" if text.startswith("*") else "[^/]" if text == "?" else re.escape(text)
