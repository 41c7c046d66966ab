"""Tracebacks of handlers as the console shows them: what ended the request first, and other people's frames dimmed.

Python tells a chain of exceptions from its beginning. Here, as in wrangler, the last one comes first, and what caused
it follows.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["shown_traceback"]

_CAUSED: Final = "\n\nThe above exception was the direct cause of the following exception:\n\n"
_MEANWHILE: Final = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
_LINKS: Final = {_CAUSED: "\n\nCaused by:\n", _MEANWHILE: "\n\nWhile handling:\n"}
_LINK: Final = re.compile(f"({re.escape(_CAUSED)}|{re.escape(_MEANWHILE)})")
#: A frame: its place, and the deeper indented lines of source below it.
_FRAME: Final = re.compile(r'^(?P<indent> +)File "(?P<file>[^"\n]+)", line \d+.*(?:\n(?P=indent) +.*)*', re.MULTILINE)
_DIM, _RESET = "\x1b[2m", "\x1b[0m"


def shown_traceback(stack: str, root: Path | None, *, colour: bool) -> str:
    """A traceback as Python prints it, for the console. Frames of files below `root` are the user's own."""
    parts = _LINK.split(stack.rstrip())
    text = "".join(_LINKS.get(part, part) for part in reversed(parts))
    if not colour or root is None:
        return text
    return _FRAME.sub(lambda frame: _dimmed(frame, root), text)


def _dimmed(frame: re.Match[str], root: Path) -> str:
    file = Path(frame["file"])
    is_own = file.is_relative_to(root) and "python_modules" not in file.parts
    return frame[0] if is_own else f"{_DIM}{frame[0]}{_RESET}"
