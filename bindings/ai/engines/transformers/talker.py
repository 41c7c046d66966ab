"""Conversations with pictures in transformers: where vLLM has no architecture, or one that wants torchvision.

Requests take turns, a token each; each is a batch of its own, so no answer depends on what else runs.
"""

from __future__ import annotations

import inspect
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.ai.engines.forced import calls_schema
from paddock.bindings.ai.engines.parsers import NO_PARSER
from paddock.bindings.ai.engines.reading import Read
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused, StepOutput
from paddock.bindings.ai.engines.transformers.drawing import Drawing
from paddock.bindings.ai.engines.transformers.generation import Generation
from paddock.bindings.ai.engines.transformers.grammars import Grammars
from paddock.bindings.ai.engines.transformers.prompts import Prompts
from paddock.bindings.ai.engines.transformers.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paddock.bindings.ai.engines.adapters import Slot
    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.parsers import Parsers, Reading
    from paddock.bindings.ai.engines.protocol import FinishReason
    from paddock.bindings.ai.engines.settings import EngineSettings
    from paddock.bindings.ai.engines.transformers.drawing import Drawn
    from paddock.bindings.ai.engines.transformers.loading import Place
    from paddock.bindings.ai.engines.transformers.prompts import Inputs

__all__ = ["Talker"]

#: Requests that take turns; the others wait. Each of them keeps what it has read in memory.
_MOST_AT_ONCE: Final = 8
_THINKS: Final = "a grammar would have to wait for the end of the reasoning, which transformers' engine does not"


class _Answer:
    """One request, whether it runs already or waits."""

    def __init__(self, add: Add, inputs: Inputs, drawing: Drawing, spelling: Spelling, reading: Reading | None) -> None:
        self.id = add.id
        self.add = add
        self.max_tokens = self.left = add.sampling.max_tokens
        self.inputs = inputs
        self.drawing = drawing
        self.spelling = spelling
        self.reading = reading
        #: None until it is its turn.
        self.generation: Generation | None = None


class Talker:
    """transformers' models that read text and pictures and write text, behind `steploop.StepEngine`."""

    takes_adapters = False
    input_errors: tuple[type[Exception], ...] = (ValueError,)
    most_at_once = _MOST_AT_ONCE

    def __init__(
        self, place: Place, settings: EngineSettings, make_parsers: Callable[[Any], Parsers] | None = None
    ) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

        processors: Any = AutoProcessor
        processor: Any = processors.from_pretrained(place.folder)
        self._tokenizer: Any = processor.tokenizer
        config_class: Any = GenerationConfig
        model: Any = AutoModelForImageTextToText.from_pretrained(place.folder, dtype=place.dtype)
        self._model: Any = model.to(place.device).eval()
        text = self._model.config.get_text_config()
        self.context_tokens = place.within(int(text.max_position_embeddings))
        self._ends = _ends(self._model.generation_config, self._tokenizer)
        # What a checkpoint would have answers drawn by is for the request to say.
        self._model.generation_config = config_class(eos_token_id=self._ends, pad_token_id=self._ends[0])
        takes = set(inspect.signature(self._model.forward).parameters)
        self._prompts = Prompts(processor, settings.chat_template, takes, self.context_tokens)
        self._is_deterministic = settings.deterministic
        self._parsers = None if make_parsers is None else make_parsers(self._tokenizer)
        self._grammars = Grammars(self._tokenizer, int(text.vocab_size))
        self._vocabulary = int(text.vocab_size)
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, "generation")
        #: In the order of arrival; the first few run.
        self._answers: dict[int, _Answer] = {}

    def render(self, add: Add) -> Prompt:
        """As `StepEngine.render`: decodes the pictures, and writes the prompt around them."""
        if add.work is not None:
            raise RequestRefused("work_off", "holds conversations, and is asked for something else")
        if add.tool_use is not None and self._parsers is None:
            raise RequestRefused("tools_off", NO_PARSER)
        return self._prompts.render(add)

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        """As `StepEngine.begin`."""
        ids = self._placed(prompt.tokens.ids)[0]
        reading = None if self._parsers is None else self._parsers.reading(add, ids.tolist())
        schema = add.sampling.json_schema
        if add.tool_use is not None and add.tool_use.is_forced:
            schema = calls_schema(add.tool_use)
        if schema is not None and reading is not None and reading.has_thought is False:
            raise RequestRefused("structure", _THINKS)
        grammar = None if schema is None else self._grammars.of(schema)
        sampling = add.sampling
        if self._is_deterministic and sampling.seed is None:
            sampling = msgspec.structs.replace(sampling, seed=0)
        drawing = Drawing(sampling, ids, self._tokenizer.decode, self._vocabulary, grammar)
        skips = True if reading is None else reading.skips_special_tokens
        spelling = Spelling(self._tokenizer.backend_tokenizer, sampling.stop, skips_special=skips)
        self._answers[add.id] = _Answer(add, prompt.tokens, drawing, spelling, reading)

    def _placed(self, value: Any) -> Any:
        """On the model's device, and pixels in its precision."""
        moved = value.to(self._model.device)
        return moved.to(self._model.dtype) if moved.is_floating_point() else moved

    def abort(self, ids: Sequence[int]) -> None:
        """As `StepEngine.abort`."""
        for id in ids:
            answer = self._answers.pop(id, None)
            if answer is not None and answer.generation is not None:
                answer.generation.leave()

    def step(self) -> list[StepOutput]:
        """As `StepEngine.step`: a token for each that runs."""
        outputs = [self._advanced(answer) for answer in list(self._answers.values())[:_MOST_AT_ONCE]]
        self.abort([output.id for output in outputs if output.finish_reason is not None])
        return outputs

    def _advanced(self, answer: _Answer) -> StepOutput:
        try:
            if answer.generation is None:
                answer.generation = self._begun(answer)
            drawn = answer.generation.advance()
            answer.left -= 1
            text, reason = self._spelled(answer, drawn)
            part = Read(text)
            if answer.reading is not None:
                part = answer.reading.reader.read(text, [drawn.id], is_last=reason is not None)
        except Exception:  # of the model or of a parser, for this request only: the others go on
            traceback.print_exc()
            return StepOutput(answer.id, Read(""), 0, "error", 0)
        return StepOutput(answer.id, part, 1, reason, 0, drawn.logprobs)

    def _begun(self, answer: _Answer) -> Generation:
        tensors = answer.inputs.tensors or self._prompts.tensors(answer.add)
        inputs = {name: self._placed(value) for name, value in tensors.items()}
        return Generation(self._model, inputs, answer.drawing, answer.max_tokens, self._threads)

    def _spelled(self, answer: _Answer, drawn: Drawn) -> tuple[str, FinishReason | None]:
        if drawn.id in self._ends:
            return answer.spelling.rest(), "stop"
        text = answer.spelling.add(drawn.id)
        if answer.spelling.is_stopped:
            return text, "stop"
        return (text + answer.spelling.rest(), "length") if answer.left == 0 else (text, None)

    def counts(self) -> tuple[int, int]:
        """As `StepEngine.counts`."""
        running = min(len(self._answers), _MOST_AT_ONCE)
        return running, len(self._answers) - running

    def kv_cache_usage(self) -> float:
        """As `StepEngine.kv_cache_usage`: there is no bound to it."""
        return 0.0

    def sleep(self, *, is_asleep: bool) -> None:
        """Never asked for: `Engine.can_sleep` is false."""

    def load_adapter(self, slot: Slot) -> None:
        """Never called: this engine takes none."""

    def unload_adapter(self, slot: Slot) -> None:
        """Never called: this engine takes none."""


def _ends(config: Any, tokenizer: Any) -> list[int]:
    """The tokens that end an answer."""
    found = config.eos_token_id if config.eos_token_id is not None else tokenizer.eos_token_id
    return list(found) if isinstance(found, list | tuple) else [int(found)]
