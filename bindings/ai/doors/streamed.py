"""Inputs of which one is a stream: its bytes are the request's body, the others stand in the query.

Source: workerd, `cloudflare-internal:ai-api`; WA-100, WA-101. The name of the streamed input is not sent: it is the one
that the model's schema declares as an array of numbers, which is how bytes are given in JSON.
"""

from __future__ import annotations

import re
from email.message import Message
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.errors import IncompleteRequest, InputError, OptionUnsupported

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard

__all__ = ["LIMIT_BYTES", "read_inputs"]

#: Longer streams are refused: as a list of numbers, each byte takes eight.
LIMIT_BYTES: Final = 16 * 1024 * 1024
_FORM: Final = "multipart/form-data"
_CHOICES: Final = ("oneOf", "anyOf", "allOf")
_LINE_END: Final = b"\r\n"


def read_inputs(card: ModelCard, user_inputs: str, content_type: str, body: bytes) -> dict[str, object]:
    """The inputs as they would stand in a JSON body: bytes as lists of numbers.

    Raises InputError for other inputs that are no JSON object and for a malformed form, OptionUnsupported for a model
    that takes no bytes, IncompleteRequest without a content type.
    """
    others = parse_json(user_inputs.encode())
    if not isinstance(others, dict):
        raise InputError(f"Error: userInputs: expected a JSON object; got {user_inputs[:100]!r}")
    header = Message()
    header["content-type"] = content_type
    if not content_type:
        raise IncompleteRequest("Request is missing headers or body: content-type")
    if header.get_content_type() == _FORM:
        return others | _form(body, str(header.get_param("boundary", "")))
    return others | {_binary_input(card): list(body)}


def _binary_input(card: ModelCard) -> str:
    """The first input that the schema declares as an array of numbers, in any of its branches."""
    waiting: list[object] = [card.input_schema]
    while waiting:
        branch = waiting.pop(0)
        if not isinstance(branch, dict):
            continue
        properties = branch.get("properties")
        for name, shape in properties.items() if isinstance(properties, dict) else ():
            if _takes_bytes(shape):
                return str(name)
        waiting += [option for choice in _CHOICES for option in branch.get(choice, ())]
    raise OptionUnsupported(f"{card.name} takes no stream: none of its inputs is declared as an array of numbers")


def _takes_bytes(shape: object) -> bool:
    if not isinstance(shape, dict):
        return False
    items = shape.get("items")
    is_bytes = shape.get("type") == "array" and isinstance(items, dict) and items.get("type") in ("number", "integer")
    return is_bytes or any(_takes_bytes(option) for choice in _CHOICES for option in shape.get(choice, ()))


def _form(body: bytes, boundary: str) -> dict[str, object]:
    """The fields of a form: text as text, files as lists of numbers. Of a name that repeats, the last one counts."""
    if not boundary:
        raise InputError("Error: content-type: expected multipart/form-data with its boundary; got none")
    parts = (_LINE_END + body).split(_LINE_END + b"--" + boundary.encode("latin-1", "replace"))
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise InputError(
            f"Error: body: expected a form that ends with its boundary {boundary!r}; got {len(body)} bytes"
        )
    return dict(_field(part) for part in parts[1:-1])


def _field(part: bytes) -> tuple[str, object]:
    head, separator, content = part.partition(_LINE_END * 2)
    match = re.search(rb"^content-disposition:\s*form-data\b(.*)$", head, re.IGNORECASE | re.MULTILINE)
    header = Message()
    header["content-disposition"] = "form-data" + (match[1].decode("utf-8", "replace").strip() if match else "")
    name = header.get_param("name", header="content-disposition")
    if not separator or not isinstance(name, str):
        raise InputError("Error: body: expected form fields with a name; got one without")
    if header.get_param("filename", header="content-disposition") is not None:
        return name, list(content)
    return name, content.decode("utf-8", "replace")
