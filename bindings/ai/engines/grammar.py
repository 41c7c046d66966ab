"""JSON Schemas that no grammar should be made of, because the engine would not live through it."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["MOST_ITEMS", "excess"]

#: Items of an array that a schema may count. The grammar of a count grows with it: ten thousand take milliseconds, ten
#: million a gigabyte, and a million million the machine. No context window holds as many. Source: measured, llguidance.
MOST_ITEMS: Final = 10_000
_COUNTS: Final = ("minItems", "maxItems")


def excess(schema: str) -> str:
    """What is too much in a JSON Schema, as text; empty for one that is fine, and for what is no JSON at all."""
    try:
        waiting: list[object] = [msgspec.json.decode(schema)]
    except (msgspec.DecodeError, RecursionError):
        return ""  # whoever makes the grammar says what is wrong with it
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        if isinstance(node, dict):
            for keyword in _COUNTS:
                count = node.get(keyword)
                if isinstance(count, int | float) and count > MOST_ITEMS:
                    return f"{keyword}: expected at most {MOST_ITEMS}; got {count}"
            waiting += node.values()
    return ""
