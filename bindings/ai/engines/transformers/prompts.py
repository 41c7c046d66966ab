"""What a model that sees reads: the tokens of a conversation, and the pixels of its pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from paddock.bindings.ai.engines.pictures import NoPicture, decoded
from paddock.bindings.ai.engines.reading import chat_turn, tool_definitions
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused
from paddock.bindings.ai.engines.transformers.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.protocol import Message, Picture

__all__ = ["Inputs", "Prompts"]

#: Requests whose pixels are kept while they wait; those of the others are made again at their turn. A picture of some
#: kilobytes can be 15 MB of pixels, and two thousand requests may wait.
_MOST_WITH_PIXELS: Final = 8
#: Characters per token that no tokenizer exceeds by much: a prompt beyond it is not worth tokenising.
_MOST_CHARACTERS_PER_TOKEN: Final = 256


class Inputs:
    """What the processor made of a request: `ids` [1, tokens], and all tensors by name, None where they were let go."""

    def __init__(self, tensors: dict[str, Any]) -> None:
        self.ids = tensors["input_ids"]
        self.tensors: dict[str, Any] | None = tensors


class Prompts:
    """Writes prompts with one processor of transformers'. `takes` are the names of tensors that the model takes."""

    def __init__(self, processor: Any, template: str | None, takes: set[str], context_tokens: int) -> None:
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self._template = template or processor.chat_template or processor.tokenizer.chat_template
        self._marks = Marks(processor)
        self._takes = takes
        self._context_tokens = context_tokens
        #: Of requests with pictures, whether they run, wait, or are on their way to the engine.
        self._with_pixels: WeakSet[Inputs] = WeakSet()

    def render(self, add: Add) -> Prompt:
        """A prompt of `Inputs`. Raises RequestRefused for what is no picture or too long, ValueError."""
        inputs = Inputs(self.tensors(add))
        if any(message.pictures for message in add.messages or ()):
            if len(self._with_pixels) < _MOST_WITH_PIXELS:
                self._with_pixels.add(inputs)
            else:
                inputs.tensors = None
        return Prompt(inputs, int(inputs.ids.shape[1]))

    def tensors(self, add: Add) -> dict[str, Any]:
        """What the model takes, by name. Raises as `render`."""
        told = [len(message.content) for message in add.messages or ()]
        self._check((sum(told) + len(add.prompt or "")) // _MOST_CHARACTERS_PER_TOKEN, add)
        if add.messages is None:
            text, bos = add.prompt or "", self._tokenizer.bos_token
            has_bos = bool(bos) and text.startswith(bos)
            inputs = self._tokenizer(text, add_special_tokens=not has_bos, return_tensors="pt")
        else:
            inputs = self._read(add, add.messages)
        length = int(inputs["input_ids"].shape[1])
        if length == 0:
            raise ValueError("the prompt has no tokens, and this model has none that begins a text")
        self._check(length, add)
        return {name: value for name, value in inputs.items() if name in self._takes}

    def _check(self, length: int, add: Add) -> None:
        wanted = length + add.sampling.max_tokens
        if wanted > self._context_tokens:
            raise RequestRefused("context", f"{wanted} tokens wanted", (wanted, self._context_tokens))

    def _read(self, add: Add, messages: Sequence[Message]) -> Any:
        try:
            images = decoded(picture.data for message in messages for picture in message.pictures)
        except NoPicture as error:
            raise RequestRefused("image", str(error)) from error
        if self._template is None:
            raise ValueError("the checkpoint has no chat template; give it one, or send a raw prompt")
        text = self._tokenizer.apply_chat_template(
            [self._turn(message) for message in messages],
            chat_template=self._template,
            tools=None if add.tool_use is None else self._marks.out_of(tool_definitions(add.tool_use.tools)),
            add_generation_prompt=True,
            tokenize=False,
            **add.template_variables,
        )
        return self._processor(
            text=[text], images=[images] if images else None, add_special_tokens=False, return_tensors="pt"
        )

    def _turn(self, message: Message) -> Any:
        turn = chat_turn(message, _shown)
        for call in turn.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        return self._marks.out_of(turn)


def _shown(picture: Picture) -> dict[str, Any]:
    return {"type": "image"}
