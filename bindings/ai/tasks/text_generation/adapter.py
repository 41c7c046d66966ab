"""The task `Text Generation`: inputs of every schema stage to engine requests, and the shape of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.tasks.text_generation.chat import ChatJob, ChatOptions
from paddock.bindings.ai.tasks.text_generation.conversation import conversation
from paddock.bindings.ai.tasks.text_generation.inputs import typed
from paddock.bindings.ai.tasks.text_generation.native import NativeJob
from paddock.bindings.ai.tasks.text_generation.responses import ResponsesJob
from paddock.bindings.ai.tasks.text_generation.sampling import sampling
from paddock.bindings.ai.tasks.text_generation.structure import wanted_schema
from paddock.bindings.ai.tasks.text_generation.thinking import reasoning_name, template_variables
from paddock.bindings.ai.tasks.text_generation.tools import tool_use
from paddock.bindings.errors import JsonModeStreamed, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, SamplingParams, ToolUse
    from paddock.bindings.ai.tasks.contract import Dialect, Job
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs
    from paddock.bindings.ai.tasks.text_generation.native import CallForm

__all__ = ["TextGeneration", "answers_as_chat"]

#: Inputs that change what an answer is, with the reason why they are refused and not ignored.
_REFUSED: Final = {"requests": "asynchronous batches are not served yet"}
#: Inputs that a native model takes no notice of unless its schema declares the first of their group.
_GROUPS: Final = (
    ("response_format",),
    ("guided_json",),
    ("tools", "tool_choice", "parallel_tool_calls"),
    ("functions", "function_call"),
)
_NO_TOOLS: Final = (
    "{}: the file of {} does not say how the model writes tool calls (paddock.tool_parser); leave them out"
)
_TOOLS_AND_JSON: Final = (
    "response_format: a grammar for the answer leaves no room for tool calls; force a call with tool_choice, "
    'switch the tools off with "none", or leave the format out'
)


class TextGeneration:
    """Adapter of the task `Text Generation`."""

    runner: Final = "generate"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        given = typed(_known(card, inputs, dialect))
        use = _tool_use(card, given)
        json_schema = wanted_schema(given)
        if json_schema is not None and given.stream:
            raise JsonModeStreamed
        if json_schema is not None and use is not None:
            if not use.is_forced:
                raise OptionUnsupported(_TOOLS_AND_JSON)
            json_schema = None  # the answer is calls; there is no text that could have a format
        is_chat = dialect == "openai" or answers_as_chat(card)
        alternatives = _alternatives(given) if is_chat and dialect != "responses" else None
        drawn = sampling(given, logprobs=alternatives, json_schema=json_schema)
        request = _request(card, given, adapter, drawn, use)
        if dialect == "responses":
            return ResponsesJob(request, card.name)
        if not is_chat:
            return NativeJob(request, _call_form(card), is_padded=_is_padded(given))
        requests = [msgspec.structs.replace(request, sampling=_nth(drawn, i)) for i in range(given.n or 1)]
        return ChatJob(requests, _options(card, given, alternatives, dialect))


def _tool_use(card: ModelCard, given: Inputs) -> ToolUse | None:
    use = tool_use(given)
    if use is None:
        return None
    if not card.takes_tools:
        raise OptionUnsupported(_NO_TOOLS.format("tools" if given.tools else "functions", card.name))
    if given.raw is True or given.raw == "true":
        raise OptionUnsupported("raw: tools are shown to a model by its template, which a raw prompt goes without")
    return use


def _request(
    card: ModelCard, given: Inputs, adapter: Adapter | None, drawn: SamplingParams, use: ToolUse | None
) -> EngineRequest:
    prompt, messages = conversation(given, card)
    return EngineRequest(
        drawn,
        prompt=prompt,
        messages=messages,
        adapter=adapter,
        tool_use=use,
        template_variables=template_variables(given) if messages else {},
        is_whole=not given.stream,
    )


def _call_form(card: ModelCard) -> CallForm:
    """The form that the model's output schema has for a call: flat, unless it speaks of a function."""
    items = card.output_properties.get("tool_calls", {}).get("items")
    members = items.get("properties") if isinstance(items, dict) else None
    return "flat" if isinstance(members, dict) and "function" not in members else "openai"


def answers_as_chat(card: ModelCard) -> bool:
    """True when the model's answers on `/ai/run` have the chat-completion shape.

    Decided by the model's own schemas: its output has `choices`; or, where the output says nothing of `response`, its
    input has `max_completion_tokens`, which came with the chat-completion inputs of 2026, or the `input` of OpenAI's
    Responses API, as that of gpt-oss.
    """
    if card.declares_output("choices"):
        return True
    has_inputs_of_openai = card.declares_input("max_completion_tokens") or card.declares_input("input")
    return has_inputs_of_openai and not card.declares_output("response")


def _known(card: ModelCard, inputs: Mapping[str, object], dialect: Dialect) -> dict[str, object]:
    """The inputs that have a meaning for this model. Raises OptionUnsupported for one that Paddock cannot honour.

    A native model takes no notice of inputs that its schema does not declare. The sampling parameters, which the
    earliest schemas leave out, are the exception (WA-051); JSON mode and tools are not.
    """

    def has_meaning(name: str) -> bool:
        return dialect != "native" or card.declares_input(name)

    for name, reason in _REFUSED.items():
        if inputs.get(name) and has_meaning(name):
            raise OptionUnsupported(f"{name}: {reason}; leave it out to get plain text")
    ignored = {name for group in _GROUPS if not has_meaning(group[0]) for name in group}
    return {name: value for name, value in inputs.items() if name not in ignored}


def _alternatives(given: Inputs) -> int | None:
    """How many alternatives per token the caller wants to see; None for no log probabilities at all."""
    if given.logprobs is None or given.logprobs is False:
        return None
    return (given.top_logprobs or 0) if given.logprobs is True else given.logprobs


def _nth(drawn: SamplingParams, number: int) -> SamplingParams:
    """Choices of one seed have seeds that follow it, or they would all be the same."""
    return drawn if drawn.seed is None else msgspec.structs.replace(drawn, seed=drawn.seed + number)


def _is_padded(given: Inputs) -> bool:
    """Unless the caller switches it off, as the schema of gemma-4 has it; production does not say whether others do."""
    return given.stream_options is None or given.stream_options.include_obfuscation is not False


def _options(card: ModelCard, given: Inputs, alternatives: int | None, dialect: Dialect) -> ChatOptions:
    wants_usage = given.stream_options is not None and bool(given.stream_options.include_usage)
    return ChatOptions(
        model=card.name,
        kind="text" if given.messages is None else "chat",
        alternatives=alternatives,
        has_usage_chunk=dialect == "native" or wants_usage,
        has_native_frames=dialect == "native",
        is_padded=dialect == "native" and _is_padded(given),
        reasoning_name=reasoning_name(card),
        is_legacy=bool(given.functions) and not given.tools,
    )
