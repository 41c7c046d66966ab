"""LLaVA in transformers: vLLM needs torchvision for it, which has no build for every machine that vLLM has one for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from paddock.bindings.ai.engines.pictures import NoPicture, decoded
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused
from paddock.bindings.ai.engines.transformers.engine import Done
from paddock.bindings.ai.engines.transformers.marks import Marks
from paddock.bindings.ai.engines.work import Describing, Written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.protocol import FinishReason
    from paddock.bindings.ai.engines.transformers.loading import Place

__all__ = ["Describer"]

#: As LLaVA 1.5 was trained, for a checkpoint without a template.
_TEMPLATE: Final = "USER: {image}\n{prompt} ASSISTANT:"


class Describer:
    """Says what it sees, one picture at a time."""

    most_at_once = 1

    def __init__(self, place: Place) -> None:
        from transformers import AutoProcessor, LlavaForConditionalGeneration

        self._device = place.device
        processors: Any = AutoProcessor
        self._processor: Any = processors.from_pretrained(place.folder)
        self._mark: str = self._processor.image_token
        self._marks = Marks(self._processor)
        model: Any = LlavaForConditionalGeneration.from_pretrained(place.folder, dtype=place.dtype)
        self._model: Any = model.to(place.device).eval()
        self.context_tokens = place.within(int(self._model.config.text_config.max_position_embeddings))

    def render(self, add: Add) -> Prompt:
        """As `OneShot.render`: decodes the picture, and writes the prompt around it."""
        work = add.work
        if not isinstance(work, Describing):
            raise RequestRefused("work_off", "describes pictures, and is asked for something else")
        try:
            images = decoded([work.image])
        except NoPicture as error:
            raise RequestRefused("input", f"image: {error}") from error
        inputs = self._processor(images=images, text=self._prompt(work), return_tensors="pt")
        length = int(inputs["input_ids"].shape[1])
        if length + work.max_tokens > self.context_tokens:
            wanted = length + work.max_tokens
            raise RequestRefused("context", f"{wanted} tokens wanted", (wanted, self.context_tokens))
        return Prompt((work, inputs), length)

    def _prompt(self, work: Describing) -> str:
        prompt: str = self._marks.out_of(work.prompt)
        if work.is_raw:
            return work.prompt if work.prompt.count(self._mark) == 1 else f"{self._mark}\n{prompt}"
        if not self._processor.chat_template:
            return _TEMPLATE.format(image=self._mark, prompt=prompt)
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        turn = [{"role": "user", "content": content}]
        written: str = self._processor.apply_chat_template(turn, add_generation_prompt=True)
        return written

    def run(self, prompts: Sequence[Prompt]) -> list[Done]:
        """As `OneShot.run`."""
        return [self._described(*prompt.tokens) for prompt in prompts]

    def _described(self, work: Describing, inputs: Any) -> Done:
        import torch

        drawn: dict[str, Any] = {"do_sample": False}
        if work.temperature:
            torch.manual_seed(work.seed if work.seed is not None else torch.seed() % 2**63)
            drawn = {"do_sample": True, "temperature": work.temperature}
        pixels = inputs["pixel_values"].to(self._device, self._model.dtype)
        ids, mask = inputs["input_ids"].to(self._device), inputs["attention_mask"].to(self._device)
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids, attention_mask=mask, pixel_values=pixels, max_new_tokens=work.max_tokens, **drawn
            )[0, ids.shape[1] :]
        text: str = self._processor.tokenizer.decode(written, skip_special_tokens=True)
        reason: FinishReason = "length" if len(written) >= work.max_tokens else "stop"
        return Done(tokens=len(written), finish_reason=reason, result=Written(text.strip()))
