"""vLLM's engine behind `steploop.StepEngine`.

Imports vLLM only in functions, as `host.py` does.
"""

from __future__ import annotations

import dataclasses
import traceback
from typing import TYPE_CHECKING, Any, Final, NoReturn

from paddock.bindings.ai.engines.forced import calls_schema
from paddock.bindings.ai.engines.grammar import excess
from paddock.bindings.ai.engines.pictures import BLIND, NoPicture, decoded
from paddock.bindings.ai.engines.protocol import TokenLogprob
from paddock.bindings.ai.engines.reading import Read, chat_turn, tool_definitions
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused, StepOutput, count_characters
from paddock.bindings.ai.engines.tokenizing import encode_directly
from paddock.bindings.ai.engines.vllm_step import VllmStep, make_parsers, priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.adapters import Slot
    from paddock.bindings.ai.engines.core import Core
    from paddock.bindings.ai.engines.frames import Add, Refusal
    from paddock.bindings.ai.engines.parsers import Reading
    from paddock.bindings.ai.engines.protocol import FinishReason, Message, SamplingParams
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["VllmEngine"]

_FINISH_REASONS: Final[dict[str, FinishReason]] = {"stop": "stop", "length": "length", "abort": "abort"}


class VllmEngine(VllmStep):
    """vLLM's engine behind `steploop.StepEngine`."""

    def __init__(self, core: Core, settings: EngineSettings) -> None:
        from vllm import SamplingParams
        from vllm.lora.request import LoRARequest
        from vllm.renderers import ChatParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        super().__init__(core)
        engine = core.engine
        self._renderer = engine.renderer
        self._sampling_params = SamplingParams
        self._unshared = {"skip_clone": True} if hasattr(SamplingParams, "skip_clone") else {}
        self._structured_outputs_params = StructuredOutputsParams
        self._delta = RequestOutputKind.DELTA
        self._lora_request = LoRARequest
        self._sees: bool = engine.model_config.is_multimodal_model
        self._is_deterministic = settings.deterministic
        self._chat = ChatParams(
            chat_template=settings.chat_template,
            # What sees has a template that knows of parts, or does not; vLLM reads in it which.
            chat_template_content_format="auto" if self._sees else "string",
            chat_template_kwargs={"add_generation_prompt": True, "tokenize": False},
        )
        self._readings: dict[int, Reading] = {}
        # Without vLLM's own length check: it stops counting at the limit, and our refusal names the number.
        unchecked: dict[str, Any] = {"max_total_tokens": None, "max_output_tokens": 0}
        self._text_tokens = dataclasses.replace(self._renderer.default_cmpl_tok_params, **unchecked)
        self._begun_tokens = dataclasses.replace(self._text_tokens, add_special_tokens=False)
        # The template writes the beginning of the sequence; for models that see, vLLM would add another.
        chat = {"add_special_tokens": False, **unchecked}
        self._chat_tokens = dataclasses.replace(self._renderer.default_chat_tok_params, **chat)
        tokenizer = self._renderer.get_tokenizer()
        encode_directly(tokenizer)
        self._bos: str = tokenizer.bos_token or ""
        self._context_tokens: int = engine.model_config.max_model_len
        self._most_characters: int = self._context_tokens * getattr(tokenizer, "max_chars_per_token", 256)
        self._parsers = make_parsers(tokenizer, engine.model_config, settings=settings)
        self.takes_adapters: bool = engine.vllm_config.lora_config is not None

    def render(self, add: Add) -> Prompt:
        """As `StepEngine.render`. vLLM's renderer and tokenizers may be used from several threads."""
        if add.work is not None:
            raise RequestRefused("work_off", "writes text, and is asked for something else")
        characters = count_characters(add)
        if characters > self._most_characters:
            # Too long whatever its tokens are; an estimate spares tokenising it.
            self._refuse(max(characters // 4, self._context_tokens) + add.sampling.max_tokens)
        if add.messages is not None:
            turns = self._turns(add.messages)
            _, (tokens,) = self._renderer.render_chat([turns], self._template(add), self._chat_tokens)
        else:
            text = add.prompt or ""
            has_bos = bool(self._bos) and text.startswith(self._bos)
            how = self._begun_tokens if has_bos else self._text_tokens
            (tokens,) = self._renderer.render_cmpl([{"prompt": text}], how)
        length = len(tokens["prompt_token_ids"])
        if length + add.sampling.max_tokens > self._context_tokens:
            self._refuse(length + add.sampling.max_tokens)
        return Prompt(tokens, length)

    def _turns(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """The messages, with pictures that are decoded by us and not by vLLM, which would fetch them too."""
        if not any(message.pictures for message in messages):
            return [chat_turn(message) for message in messages]
        if not self._sees:
            raise RequestRefused("sight_off", BLIND)
        try:
            images = iter(decoded(picture.data for message in messages for picture in message.pictures))
        except NoPicture as error:
            raise RequestRefused("image", str(error)) from error
        return [chat_turn(message, lambda _: {"type": "image_pil", "image_pil": next(images)}) for message in messages]

    def _template(self, add: Add) -> Any:
        """How the chat template is filled in. Its variables cannot replace those that it has from us."""
        if add.tool_use is None and not add.template_variables:
            return self._chat
        ours = self._chat.chat_template_kwargs
        if add.tool_use is not None:
            ours = {**ours, "tools": tool_definitions(add.tool_use.tools)}
        return dataclasses.replace(self._chat, chat_template_kwargs={**add.template_variables, **ours})

    def _refuse(self, wanted_tokens: int) -> NoReturn:
        limit = self._context_tokens
        raise RequestRefused("context", f"{wanted_tokens} tokens wanted, {limit} possible", (wanted_tokens, limit))

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        """As `StepEngine.begin`."""
        lora = None if slot is None else self._adapter(slot)
        reading = self._parsers.reading(add, prompt.tokens["prompt_token_ids"])
        schema = add.sampling.json_schema
        if add.tool_use is not None and add.tool_use.is_forced:
            schema = calls_schema(add.tool_use)
        kind: Refusal = "structure" if add.tool_use is None else "input"
        if schema is not None and (reason := excess(schema)):
            raise RequestRefused(kind, reason)
        sampling = self._sampling(add.sampling, schema, reading)
        try:
            if schema is None:
                rank = priority(add)
                self._engine.add_request(str(add.id), prompt.tokens, sampling, lora_request=lora, priority=rank)
            else:
                self._begin_structured(add, prompt, sampling, lora, reading)
        except self.input_errors as exc:
            # Tasks map every other value to what vLLM takes, but for token ids, which only the tokenizer can judge.
            if schema is None or add.sampling.logit_bias is not None:
                raise
            raise RequestRefused(kind, str(exc.args[0] if exc.args else exc)) from exc
        if reading is not None:
            self._readings[add.id] = reading

    def _begin_structured(self, add: Add, prompt: Prompt, sampling: Any, lora: Any, reading: Reading | None) -> None:
        """Add a request with a grammar, which must not hold while the model thinks.

        Only the request of the core can say whether it does: vLLM's scheduler would take a raw prompt, and one that
        tells the model not to think, for one whose thoughts are still to come.
        """
        tasks = self._engine.get_supported_tasks()
        request = self._engine.input_processor.process_inputs(
            str(add.id), prompt.tokens, sampling, supported_tasks=tasks, lora_request=lora, priority=priority(add)
        )
        request.reasoning_ended = reading is None or reading.has_thought is not False
        request.reasoning_parser_kwargs = {"chat_template_kwargs": add.template_variables}
        self._engine.add_request(str(add.id), request, sampling)

    def _sampling(self, sampling: SamplingParams, schema: str | None, reading: Reading | None) -> Any:
        names = (name for name in sampling.__struct_fields__ if name not in ("stop", "json_schema"))
        given = {name: value for name in names if (value := getattr(sampling, name)) is not None}
        if schema is not None:
            given["structured_outputs"] = self._structured_outputs_params(json=schema)
        if reading is not None:
            given["skip_special_tokens"] = reading.skips_special_tokens
        if self._is_deterministic:
            given.setdefault("seed", 0)  # else from a generator that all requests draw from
        # Nobody else has these parameters: vLLM need not copy them, which takes longer than making them.
        given |= self._unshared
        return self._sampling_params(**given, stop=list(sampling.stop), output_kind=self._delta)

    def _adapter(self, slot: Slot) -> Any:
        # vLLM tells adapters apart by name, in its prefix cache too: the id makes the name unique.
        return self._lora_request(f"{slot.name}#{slot.id}", slot.id, slot.path)

    def abort(self, ids: Sequence[int]) -> None:
        """As `StepEngine.abort`."""
        self._engine.abort_request([str(id) for id in ids])
        for id in ids:
            self._readings.pop(id, None)

    def step(self) -> list[StepOutput]:
        """As `StepEngine.step`."""
        return [self._output(output) for output in self._engine.step()]

    def _output(self, output: Any) -> StepOutput:
        id, piece = int(output.request_id), output.outputs[0]
        finish_reason = _FINISH_REASONS.get(piece.finish_reason, "error") if output.finished else None
        part = Read(piece.text)
        if id in self._readings:
            try:
                part = self._readings[id].reader.read(piece.text, piece.token_ids, is_last=output.finished)
            except Exception:  # a parser can fail on any text that a model writes; that is no reason to end the others
                traceback.print_exc()
                self.abort([id])
                finish_reason = "error"
            if finish_reason is not None:
                self._readings.pop(id, None)
        cached_tokens = output.num_cached_tokens or 0
        logprobs = _logprobs(piece.token_ids, piece.logprobs) if piece.logprobs else ()
        return StepOutput(id, part, len(piece.token_ids), finish_reason, cached_tokens, logprobs)

    def load_adapter(self, slot: Slot) -> None:
        """As `StepEngine.load_adapter`. Raises what vLLM says of an adapter that it cannot use, and lives on."""
        self._engine.add_lora(self._adapter(slot))

    def unload_adapter(self, slot: Slot) -> None:
        """As `StepEngine.unload_adapter`."""
        self._engine.remove_lora(slot.id)


def _logprobs(ids: Sequence[int], places: Sequence[Any]) -> tuple[TokenLogprob, ...]:
    """vLLM's table of each place, in which the drawn token stands beside the likeliest, as our structs."""
    return tuple(_logprob(place, id) for id, place in zip(ids, places, strict=False))


def _logprob(place: Any, id: int) -> TokenLogprob:
    drawn = place[id]
    top = sorted(place.values(), key=lambda entry: int(entry.rank))
    return TokenLogprob(
        drawn.decoded_token or "", drawn.logprob, tuple((entry.decoded_token or "", entry.logprob) for entry in top)
    )
