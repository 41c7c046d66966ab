"""What a caller says about reasoning, as variables of the chat template; and where an answer has it.

Source: model schemas of 2026; release notes of 2026-04-20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import OptionUnsupported

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs

__all__ = ["reasoning_name", "template_variables"]

#: The variables of published templates that a caller may set. Any other name could take the place of the conversation,
#: or of the template.
_VARIABLES: Final = ("enable_thinking", "thinking", "clear_thinking", "preserve_thinking", "reasoning_effort")


def template_variables(given: Inputs) -> dict[str, bool | int | float | str]:
    """`chat_template_kwargs`, and `reasoning_effort` where they say nothing else: any effort but `none` is thinking.

    The effort `none` wins: schemas of 2026 have `enable_thinking: true` as a default, so it may be nobody's word.
    Raises OptionUnsupported for another variable.
    """
    variables = {name: value for name, value in (given.chat_template_kwargs or {}).items() if value is not None}
    unknown = next((name for name in variables if name not in _VARIABLES), None)
    if unknown is not None:
        raise OptionUnsupported(f"chat_template_kwargs: expected some of {', '.join(_VARIABLES)}; got {unknown!r}")
    if given.reasoning_effort is None:
        return variables
    variables = {"reasoning_effort": given.reasoning_effort, "enable_thinking": True, **variables}
    return variables if given.reasoning_effort != "none" else {**variables, "enable_thinking": False}


def reasoning_name(card: ModelCard) -> str:
    """The member of a message that holds what the model thought: one of two, never both."""
    return "reasoning_content" if "reasoning_content" in card.output_properties else "reasoning"
