"""The word lists and phrases of the stand-ins' small world, read from words.toml, phrases.toml and tools.toml."""

import tomllib
from pathlib import Path
from typing import Any

__all__ = ["CATEGORIES", "COLOURS", "FACTS", "LISTS", "PHRASES", "SHARES", "SOUNDS", "TOOLS", "VALUES", "split"]

_HERE = Path(__file__).parent


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / name).read_text("utf-8"))


def split(text: str) -> list[str]:
    """The entries of a list: apart by semicolons if there are any, else by spaces."""
    return [entry.strip() for entry in text.split(";")] if ";" in text else text.split()


_WORDS = _read("words.toml")

#: name -> words to draw from
LISTS: dict[str, list[str]] = {name: split(text) for name, text in _WORDS.items() if isinstance(text, str)}
#: part of an invented word -> what it may be
SOUNDS: dict[str, list[str]] = {name: split(text) for name, text in _WORDS["sounds"].items()}
#: category -> its members
CATEGORIES: dict[str, list[str]] = {name: split(text) for name, text in _WORDS["categories"].items()}
#: JSON key -> what it may hold
VALUES: dict[str, list[str | int]] = _WORDS["values"]
#: language -> English colour -> its word
COLOURS: dict[str, dict[str, str]] = _WORDS["colours"]
#: topic -> one true sentence
FACTS: dict[str, str] = _WORDS["facts"]
#: family -> part -> templates
PHRASES: dict[str, dict[str, list[str]]] = _read("phrases.toml")
#: what tools are called and asked for, what is thought and answered around them
TOOLS: dict[str, Any] = _read("tools.toml")
#: family -> its share among all questions
SHARES: dict[str, int] = _read("shares.toml")
