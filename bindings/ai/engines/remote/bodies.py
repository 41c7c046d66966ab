"""An engine request as the body of a request to vLLM's OpenAI server (0.26 to 0.32)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from paddock.bindings.ai.engines.reading import chat_turn, tool_definitions

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import EngineRequest, Message, SamplingParams, ToolUse

__all__ = ["Body", "SchemaField", "make_body", "tokenize_body"]

#: Which field carries a JSON Schema: vLLM's own, or OpenAI's.
SchemaField = Literal["structured_outputs", "response_format"]
#: Fields that both sides name alike.
_SAMPLING: Final = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
)
#: What vLLM's server takes as `reasoning_effort` of a request; templates may know other values.
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Body(NamedTuple):
    """Where a request goes, below the server's address, and what it says."""

    path: str
    content: bytes


def make_body(
    request: EngineRequest, model: str, schema_field: SchemaField, *, is_vllm: bool, bos: str | None = None
) -> Body:
    """The request for a streamed answer. `bos` is the model's beginning-of-sequence token, where it is known."""
    sampling = request.sampling
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    if is_vllm:
        body["stream_options"]["continuous_usage_stats"] = True
    body |= {name: value for name in _SAMPLING if (value := getattr(sampling, name)) is not None}
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.logit_bias is not None:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    if sampling.json_schema is not None:
        body |= _schema(sampling.json_schema, schema_field)
    if request.messages is None:
        body |= _completion(request.prompt or "", sampling, bos)
        return Body("/v1/completions", msgspec.json.encode(body))
    body |= _chat(request, request.messages)
    return Body("/v1/chat/completions", msgspec.json.encode(body))


def tokenize_body(request: EngineRequest, model: str, bos: str | None = None) -> bytes:
    """The request that counts a prompt's tokens."""
    if request.messages is None:
        text = request.prompt or ""
        body: dict[str, Any] = {"prompt": text, "add_special_tokens": not (bos and text.startswith(bos))}
    else:
        body = {"messages": [chat_turn(message) for message in request.messages]}
        body |= _template(request.template_variables)
        body.pop("reasoning_effort", None)
        if request.tool_use is not None:
            body["tools"] = tool_definitions(request.tool_use.tools)
    return msgspec.json.encode({"model": model, **body})


def _completion(prompt: str, sampling: SamplingParams, bos: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"prompt": prompt}
    if bos and prompt.startswith(bos):
        body["add_special_tokens"] = False
    if sampling.logprobs is not None:
        body["logprobs"] = sampling.logprobs
    return body


def _chat(request: EngineRequest, messages: tuple[Message, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": [chat_turn(message) for message in messages]}
    if request.sampling.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.sampling.logprobs}
    if request.tool_use is not None:
        body |= _tools(request.tool_use)
    return body | _template(request.template_variables)


def _tools(use: ToolUse) -> dict[str, Any]:
    choice: object = "auto"
    definitions = tool_definitions(use.tools)
    if use.is_forced:
        # Without it vLLM 0.32 holds the call to its outer form only, and a weak model never ends its arguments.
        for definition in definitions:
            definition["function"]["strict"] = True
        choice = "required" if use.only is None else {"type": "function", "function": {"name": use.only}}
    body: dict[str, Any] = {"tools": definitions, "tool_choice": choice}
    return body if use.most != 1 else body | {"parallel_tool_calls": False}


def _template(variables: dict[str, bool | int | float | str]) -> dict[str, Any]:
    if not variables:
        return {}
    effort = variables.get("reasoning_effort")
    body: dict[str, Any] = {"chat_template_kwargs": variables}
    return body | {"reasoning_effort": effort} if effort in _EFFORTS else body


def _schema(schema: str, field: SchemaField) -> dict[str, Any]:
    document = msgspec.Raw(schema.encode())
    if field == "structured_outputs":
        # Weak models, once allowed white space, write nothing else; not every backend of the server obeys.
        return {"structured_outputs": {"json": document, "disable_any_whitespace": True}}
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": document, "strict": True},
        }
    }
