"""Models that read one text and write another: BART, M2M100. vLLM runs no text encoder with a decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused
from paddock.bindings.ai.engines.transformers.engine import Done
from paddock.bindings.ai.engines.work import Rewriting, Written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.transformers.loading import Place

__all__ = ["Rewriter"]


class Rewriter:
    """Summaries and translations, as the checkpoint's own generation settings have them (beams, lengths)."""

    most_at_once = 1

    def __init__(self, place: Place) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        self._device = place.device
        self._tokenizer: Any = AutoTokenizer.from_pretrained(place.folder)
        model: Any = AutoModelForSeq2SeqLM.from_pretrained(place.folder, dtype=place.dtype)
        self._model: Any = model.to(place.device).eval()
        self.context_tokens = place.within(int(self._model.config.max_position_embeddings))

    def render(self, add: Add) -> Prompt:
        """As `OneShot.render`: the tokens of the text, behind the mark of its language where the model has some."""
        work = add.work
        if not isinstance(work, Rewriting):
            raise RequestRefused("work_off", "rewrites texts, and is asked for something else")
        ids = self._tokenizer(work.text)["input_ids"]
        if work.target is not None:
            ids = [
                self._language(work.source or "en", "source_lang"),
                *self._plain(work.text),
                self._model.config.eos_token_id,
            ]
            self._language(work.target, "target_lang")
        if len(ids) > self.context_tokens:
            raise RequestRefused("text", f"{len(ids)} tokens", (len(ids), self.context_tokens))
        return Prompt((work, ids), len(ids))

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _language(self, code: str, name: str) -> int:
        """The id of a language's mark, `__en__`. Raises RequestRefused with those that there are."""
        vocabulary = self._tokenizer.get_vocab()
        id = vocabulary.get(f"__{code.lower()}__")
        if id is None:
            known = sorted(mark.strip("_") for mark in vocabulary if mark.startswith("__") and mark.endswith("__"))
            raise RequestRefused("input", f"{name}: expected one of {', '.join(known)}; got {code!r}")
        return int(id)

    def run(self, prompts: Sequence[Prompt]) -> list[Done]:
        """As `OneShot.run`."""
        return [self._rewritten(*prompt.tokens) for prompt in prompts]

    def _rewritten(self, work: Rewriting, ids: list[int]) -> Done:
        import torch

        options: dict[str, Any] = {}
        if work.target is not None:
            options["forced_bos_token_id"] = self._language(work.target, "target_lang")
        if work.max_tokens is not None:
            options["max_length"] = min(work.max_tokens, self.context_tokens)
        with torch.inference_mode():
            row = torch.tensor([ids], device=self._device)
            mask = torch.ones_like(row)
            written = self._model.generate(input_ids=row, attention_mask=mask, do_sample=False, **options)[0]
        text: str = self._tokenizer.decode(written, skip_special_tokens=True)
        return Done(tokens=len(written), result=Written(text.strip()))
