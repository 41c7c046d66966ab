"""Request bodies as the doors read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.errors import IncompleteRequest, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parse_json"]


#: Deepest nesting of a body. What reads it afterwards, the engine's grammars among them, has only so much of a stack;
#: a tool's parameters in a chat, the deepest that anybody sends, have some 20 levels.
_MAX_DEPTH: Final = 128


def parse_json(body: bytes) -> object:
    """The JSON value of a body, whatever its content type says (WA-121)."""
    if not body:
        raise IncompleteRequest("Request is missing headers or body: body")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"Error: Request body is not valid json: {error}") from error
    except RecursionError as error:
        raise _too_deep() from error
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: object) -> None:
    """Level by level, so that no stack is needed."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise _too_deep()


def _members(outer: object) -> Iterable[object]:
    return outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()


def _too_deep() -> InputError:
    return InputError(f"Error: Request body is not valid json: it is nested deeper than {_MAX_DEPTH} levels")
