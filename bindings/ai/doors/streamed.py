"""Inputs of which one is a stream: its bytes are the request's body, the others stand in the query.

Source: workerd, `cloudflare-internal:ai-api`; WA-100, WA-101. The name of the streamed input is not sent: it is the one
that the model's schema declares as an array of numbers, which is how bytes are given in JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors.form import is_form, read_form
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.doors.form import Part

__all__ = ["LIMIT_BYTES", "binary_input", "read_inputs", "takes_bytes"]

#: Longer streams are refused.
LIMIT_BYTES: Final = 16 * 1024 * 1024
_CHOICES: Final = ("oneOf", "anyOf", "allOf")


def read_inputs(card: ModelCard, user_inputs: str, content_type: str, body: bytes) -> dict[str, object]:
    """The inputs, bytes as bytes.

    Raises InputError for other inputs that are no JSON object and for a malformed form, OptionUnsupported for a model
    that takes no bytes, IncompleteRequest without a content type.
    """
    others = parse_json(user_inputs.encode())
    if not isinstance(others, dict):
        raise InputError(f"Error: userInputs: expected a JSON object; got {user_inputs[:100]!r}")
    if is_form(content_type):
        return others | dict(map(_field, read_form(content_type, body)))  # of a name that repeats, the last one counts
    return others | {binary_input(card): body}


def takes_bytes(card: ModelCard) -> bool:
    """True when the whole body may be a file: a branch of the schema is a string of the format `binary`."""
    schema = card.input_schema or {}
    branches = [schema, *(option for choice in _CHOICES for option in _listed(schema.get(choice)))]
    return any(isinstance(branch, dict) and branch.get("format") == "binary" for branch in branches)


def _listed(options: object) -> list[object]:
    return options if isinstance(options, list) else []


def binary_input(card: ModelCard) -> str:
    """The first input that the schema declares as an array of numbers, in any of its branches.

    Raises OptionUnsupported where there is none.
    """
    waiting: list[object] = [card.input_schema]
    while waiting:
        branch = waiting.pop(0)
        if not isinstance(branch, dict):
            continue
        properties = branch.get("properties")
        for name, shape in properties.items() if isinstance(properties, dict) else ():
            if _is_bytes(shape):
                return str(name)
        waiting += [option for choice in _CHOICES for option in branch.get(choice, ())]
    raise OptionUnsupported(f"{card.name} takes no stream: none of its inputs is declared as an array of numbers")


def _is_bytes(shape: object) -> bool:
    if not isinstance(shape, dict):
        return False
    items = shape.get("items")
    is_bytes = shape.get("type") == "array" and isinstance(items, dict) and items.get("type") in ("number", "integer")
    return is_bytes or any(_is_bytes(option) for choice in _CHOICES for option in shape.get(choice, ()))


def _field(part: Part) -> tuple[str, object]:
    """A field of a form: text as text, a file as bytes."""
    return part.name, part.content.decode("utf-8", "replace") if part.filename is None else part.content
