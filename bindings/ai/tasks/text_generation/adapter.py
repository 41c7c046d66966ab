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
from paddock.bindings.errors import JsonModeStreamed, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, SamplingParams
    from paddock.bindings.ai.tasks.contract import Dialect, Job
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs

__all__ = ["TextGeneration", "answers_as_chat"]

#: Inputs that change what an answer is, with the reason why they are refused and not ignored.
_REFUSED: Final = {
    "tools": "tool calls are not parsed out of a model's text yet",
    "functions": "tool calls are not parsed out of a model's text yet",
    "requests": "asynchronous batches are not served yet",
}
_JSON_INPUTS: Final = ("response_format", "guided_json")


class TextGeneration:
    """Adapter of the task `Text Generation`."""

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        known = _known(card, inputs, dialect)
        given = typed(known)
        json_schema = wanted_schema(given)
        if json_schema is not None and given.stream:
            raise JsonModeStreamed
        if dialect == "responses":
            return ResponsesJob(_request(given, adapter, sampling(given, json_schema=json_schema)), card.name)
        is_chat = dialect == "openai" or answers_as_chat(card)
        alternatives = _alternatives(given) if is_chat else None
        drawn = sampling(given, logprobs=alternatives, json_schema=json_schema)
        request = _request(given, adapter, drawn)
        if not is_chat:
            return NativeJob(request)
        requests = [msgspec.structs.replace(request, sampling=_nth(drawn, i)) for i in range(given.n or 1)]
        return ChatJob(requests, _options(card, given, alternatives, dialect))


def _request(given: Inputs, adapter: Adapter | None, drawn: SamplingParams) -> EngineRequest:
    prompt, messages = conversation(given)
    return EngineRequest(drawn, prompt=prompt, messages=messages, adapter=adapter)


def answers_as_chat(card: ModelCard) -> bool:
    """True when the model's answers on `/ai/run` have the chat-completion shape.

    Decided by the model's own schemas: its output has `choices`; or, where the output says nothing of `response`, its
    input has `max_completion_tokens`, which came with the chat-completion inputs of 2026.
    """
    if card.declares_output("choices"):
        return True
    return card.declares_input("max_completion_tokens") and not card.declares_output("response")


def _known(card: ModelCard, inputs: Mapping[str, object], dialect: Dialect) -> dict[str, object]:
    """The inputs that have a meaning for this model. Raises OptionUnsupported for one that Paddock cannot honour.

    A native model takes no notice of inputs that its schema does not declare. The sampling parameters, which the
    earliest schemas leave out, are the exception (WA-051); the JSON inputs are not.
    """

    def has_meaning(name: str) -> bool:
        return dialect != "native" or card.declares_input(name)

    for name, reason in _REFUSED.items():
        is_off = name == "tools" and inputs.get("tool_choice") == "none"
        if inputs.get(name) and has_meaning(name) and not is_off:
            raise OptionUnsupported(f"{name}: {reason}; leave it out to get plain text")
    return {name: value for name, value in inputs.items() if name not in _JSON_INPUTS or has_meaning(name)}


def _alternatives(given: Inputs) -> int | None:
    """How many alternatives per token the caller wants to see; None for no log probabilities at all."""
    if given.logprobs is None or given.logprobs is False:
        return None
    return (given.top_logprobs or 0) if given.logprobs is True else given.logprobs


def _nth(drawn: SamplingParams, number: int) -> SamplingParams:
    """Choices of one seed have seeds that follow it, or they would all be the same."""
    return drawn if drawn.seed is None else msgspec.structs.replace(drawn, seed=drawn.seed + number)


def _options(card: ModelCard, given: Inputs, alternatives: int | None, dialect: Dialect) -> ChatOptions:
    wants_usage = given.stream_options is not None and bool(given.stream_options.include_usage)
    return ChatOptions(
        model=card.name,
        kind="text" if given.messages is None else "chat",
        alternatives=alternatives,
        has_usage_chunk=dialect == "native" or wants_usage,
        has_native_frames=dialect == "native",
    )
