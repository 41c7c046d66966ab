"""Classifiers of texts that vLLM has no class for, such as DistilBERT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused
from paddock.bindings.ai.engines.texts import encode_texts, native_tokenizer
from paddock.bindings.ai.engines.transformers.engine import Done
from paddock.bindings.ai.engines.work import Pooled, Pooling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.transformers.loading import Place

__all__ = ["Classifier"]

#: Texts of one forward pass.
_BATCH: Final = 32


class Classifier:
    """The share of each label for each text; for a model with one label, its probability."""

    most_at_once = 16

    def __init__(self, place: Place) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._device = place.device
        self._tokenizer = AutoTokenizer.from_pretrained(place.folder)
        self._native = native_tokenizer(self._tokenizer)
        self._model = AutoModelForSequenceClassification.from_pretrained(place.folder, dtype=place.dtype)
        self._model.to(place.device).eval()
        config = self._model.config
        self.context_tokens = place.within(config.max_position_embeddings)
        self._labels = tuple(config.id2label[id] for id in sorted(config.id2label))

    def render(self, add: Add) -> Prompt:
        """As `OneShot.render`."""
        if not isinstance(add.work, Pooling) or add.work.kind != "classify":
            raise RequestRefused("work_off", "judges texts, and is asked for something else")
        tokens = encode_texts(self._tokenizer, self._native, add.work, self.context_tokens)
        return Prompt(tokens, sum(map(len, tokens)))

    def run(self, prompts: Sequence[Prompt]) -> list[Done]:
        """As `OneShot.run`. Texts of like length go together, so that little is padding."""
        texts = [tokens for prompt in prompts for tokens in prompt.tokens]
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        scores: dict[int, Any] = {}
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            scores.update(zip(chosen, self._scores([texts[at] for at in chosen]), strict=True))
        done, first = [], 0
        for prompt in prompts:
            rows = [scores[at] for at in range(first, first + len(prompt.tokens))]
            first += len(rows)
            done.append(Done(result=self._pooled(rows)))
        return done

    def _scores(self, texts: list[list[int]]) -> Any:
        import torch

        longest = max(map(len, texts))
        ids = torch.full((len(texts), longest), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(texts):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            logits = self._model(input_ids=ids.to(self._device), attention_mask=mask.to(self._device)).logits.float()
            return (logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)).cpu()

    def _pooled(self, rows: list[Any]) -> Pooled:
        import torch

        table = torch.stack(rows)
        labels = self._labels if len(self._labels) == table.shape[1] else ()
        return Pooled(table.shape[0], table.shape[1], table.numpy().tobytes(), labels)
