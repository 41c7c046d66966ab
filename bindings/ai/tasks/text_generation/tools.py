"""Which tools a request offers to the model, out of every form in which inputs have them.

Source: developer docs, function calling; model schemas; OpenAI's API reference; WA-078.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.protocol import Tool, ToolUse
from paddock.bindings.ai.tasks.text_generation.inputs import Function
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.tasks.text_generation.inputs import Choice, Inputs, ToolItem

__all__ = ["tool_use"]

_NO_PARAMETERS: Final = '{"type":"object","properties":{}}'


def tool_use(given: Inputs) -> ToolUse | None:
    """The tools that the model is shown, and whether it has to call one; None without any.

    Raises InputError for a tool that is none, OptionUnsupported for one that nothing here can call.
    """
    if given.tools:
        tools = [_tool(_function(item, f"tools[{i}]"), f"tools[{i}]") for i, item in enumerate(given.tools)]
        choice = given.tool_choice
    else:
        tools = [_tool(item, f"functions[{i}]") for i, item in enumerate(given.functions or ())]
        choice = given.function_call
    if not tools or choice == "none":
        return None
    only = None if choice is None or isinstance(choice, str) else _named(choice, tools)
    is_single = given.parallel_tool_calls is False or only is not None or not given.tools
    return ToolUse(
        tuple(tools),
        is_forced=choice == "required" or only is not None,
        only=only,
        most=1 if is_single else None,
    )


def _function(item: ToolItem, where: str) -> Function:
    if item.function is not None:
        return item.function
    if item.type not in (None, "function"):
        raise OptionUnsupported(
            f"{where}: expected a function; got a tool of type {item.type!r}, which nothing here has"
        )
    if item.name is None:
        raise InputError(f"Error: {where}: expected a function with a name; got neither function nor name")
    return Function(item.name, item.description, item.parameters)


def _tool(function: Function, where: str) -> Tool:
    if function.code is not None:
        raise OptionUnsupported(f"{where}.code: production publishes no meaning of it; describe the function in tools")
    if not function.name:
        raise InputError(f"Error: {where}.name: expected a text of at least one character; got an empty one")
    parameters = _NO_PARAMETERS
    if function.parameters:
        kind = function.parameters.get("type", "object")
        if kind != "object":
            raise InputError(f"Error: {where}.parameters.type: expected 'object'; got {kind!r}")
        parameters = msgspec.json.encode({"type": "object", **function.parameters}).decode()
    return Tool(function.name, function.description or "", parameters)


def _named(choice: Choice, tools: Sequence[Tool]) -> str:
    """The name of the tool that has to be called. Raises InputError when it is not among the tools."""
    name = choice.name if choice.function is None else choice.function.name
    if name is None or all(tool.name != name for tool in tools):
        names = ", ".join(tool.name for tool in tools)
        raise InputError(f"Error: tool_choice: expected the name of one of the tools ({names}); got {name!r}")
    return name
