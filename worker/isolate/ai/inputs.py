"""What the AI binding reads: its arguments, the one input that may be a stream, and the error in a reply.

Source: workerd, `cloudflare-internal:ai-api`, whose three local errors these are.
"""

from __future__ import annotations

from typing import NamedTuple

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.objects import JsObject, is_nullish, read
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.text import js_string

__all__ = ["StreamInput", "first_error", "members", "request_init", "single_stream", "stringified"]


class StreamInput(NamedTuple):
    """The streamed input, and the inputs beside it."""

    body: object
    content_type: str
    others: dict[str, object]


def members(value: object, what: str) -> dict[str, object]:
    """The members of an object, whether it came as a plain object or as a Python dict. `what` names it in errors."""
    if is_nullish(value):
        return {}
    if isinstance(value, dict):
        return {str(name): member for name, member in value.items()}
    if isinstance(value, JsObject):
        return {str(name): read(value, str(name)) for name in value.object_keys()}
    raise JsException("TypeError", f"{what}: expected an object; got {type(value).__name__}")


def single_stream(inputs: object, *, is_gateway: bool) -> StreamInput | None:
    """The input that is a stream or a form, if one is. Raises AiInternalError for what cannot be sent."""
    if not isinstance(inputs, dict | JsObject):
        return None
    given = members(inputs, "inputs")
    keys = [name for name, value in given.items() if _is_stream(value) or _is_stream(_body_of(value))]
    if not keys:
        return None
    if len(keys) > 1:
        found = ", ".join(keys)
        raise _internal(f"Multiple ReadableStreams are not supported. Found streams in keys: [{found}]")
    if is_gateway:
        raise _internal("AI Gateway does not support ReadableStreams yet.")
    streamed = given.pop(keys[0])
    content_type = read(streamed, "contentType")
    if not content_type:
        raise _internal("Content-Type is required with ReadableStream inputs")
    return StreamInput(read(streamed, "body"), js_string(content_type), given)


def stringified(value: object) -> str:
    """The JSON text of an object."""
    text = jsonvalue.stringify(value)
    assert text is not None, "an object has a JSON text"
    return text


def request_init(method: str, headers: dict[str, str], body: object, signal: object) -> JsObject:
    """The second argument of fetch."""
    init = JsObject({"method": method, "headers": JsObject(headers), "body": body})
    if not is_nullish(signal):
        init.signal = signal
    return init


def first_error(body: object) -> tuple[str, str]:
    """Code and message of the first of a reply's `errors`; empty where there is none."""
    errors = read(body, "errors")
    if not isinstance(errors, JsArray) or not len(errors):
        return "", ""
    return str(read(errors[0], "code")), str(read(errors[0], "message"))


def _is_stream(value: object) -> bool:
    return isinstance(value, ReadableStream | FormData)


def _body_of(value: object) -> object:
    return read(value, "body") if isinstance(value, dict | JsObject) else None


def _internal(message: str) -> JsException:
    return JsException("AiInternalError", message)
