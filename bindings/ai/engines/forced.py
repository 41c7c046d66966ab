"""Tool calls that a request insists on: a grammar lets the model write nothing but an array of them.

The array is the same for every model, whatever form its own calls have: `[{"name": ..., "parameters": {...}}, ...]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.protocol import CallDelta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paddock.bindings.ai.engines.protocol import Tool, ToolUse

__all__ = ["CallArray", "calls_schema"]

#: What stands before the arguments of a call: the end of the one before it, and the name.
_HEAD: Final = re.compile(r'[\[\]{},\s]*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"parameters"\s*:\s*')
#: Where nesting changes, outside of strings; and a string as far as it is there.
_STEP: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]|"')


def calls_schema(use: ToolUse) -> str:
    """The JSON Schema, as text, of an array of calls of the tools that may be called."""
    tools = [tool for tool in use.tools if use.only in (None, tool.name)]
    schema: dict[str, object] = {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [_call(tool, f"#/$defs/{index}") for index, tool in enumerate(tools)]},
        "$defs": {str(index): _moved(_parameters(tool), f"#/$defs/{index}") for index, tool in enumerate(tools)},
    }
    if use.most is not None:
        schema["maxItems"] = use.most
    return msgspec.json.encode(schema).decode()


def _call(tool: Tool, reference: str) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "parameters": {"$ref": reference}},
        "required": ["name", "parameters"],
    }


def _parameters(tool: Tool) -> object:
    return msgspec.json.decode(tool.parameters)


def _moved(value: object, place: str) -> object:
    """A schema that now stands at `place`: its references follow it."""
    if isinstance(value, list):
        return [_moved(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _moved(item, place) for key, item in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = place + reference[1:]
    return moved


class CallArray:
    """Reads such an array while it is written."""

    def __init__(self) -> None:
        self._unread = ""
        self._calls = 0
        #: How deep in the arguments the text stands; 0 between calls.
        self._depth = 0

    def feed(self, text: str) -> tuple[CallDelta, ...]:
        """The pieces of calls that the next characters bring."""
        self._unread += text
        return tuple(self._pieces())

    def _pieces(self) -> Iterator[CallDelta]:
        while self._unread:
            if self._depth == 0:
                head = _HEAD.match(self._unread)
                if head is None or not self._unread.startswith("{", head.end()):
                    return
                self._calls += 1
                self._depth = 1
                arguments = "{"
                self._unread = self._unread[head.end() + 1 :]
                yield CallDelta(self._calls - 1, msgspec.json.decode(head[1], type=str), arguments)
            elif arguments := self._take_arguments():
                yield CallDelta(self._calls - 1, None, arguments)
            else:
                return

    def _take_arguments(self) -> str:
        """What is there of the arguments, up to their end; a string that is not whole yet waits for its end."""
        for step in _STEP.finditer(self._unread):
            if step[0] == '"':
                end = step.start()
                break
            self._depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(step[0], 0)
            if self._depth == 0:
                end = step.end()
                break
        else:
            end = len(self._unread)
        taken, self._unread = self._unread[:end], self._unread[end:]
        return taken
