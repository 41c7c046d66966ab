"""One token after the other: how each is drawn, as vLLM does it, with transformers' own warpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paddock.bindings.ai.engines.protocol import TokenLogprob

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.engines.protocol import SamplingParams
    from paddock.bindings.ai.engines.transformers.grammars import Grammar

__all__ = ["Drawing", "Drawn"]


class Drawn(NamedTuple):
    """A token, and how likely it was, where the request asks for that."""

    id: int
    logprobs: tuple[TokenLogprob, ...] = ()


class Drawing:
    """Draws the tokens of one answer. `text_of` names a token in the table of likely ones.

    Raises ValueError for a bias of a token that the model does not have.
    """

    def __init__(
        self,
        sampling: SamplingParams,
        prompt_ids: Any,
        text_of: Callable[[int], str],
        vocabulary: int,
        grammar: Grammar | None = None,
    ) -> None:
        import torch

        wrong = [id for id in sampling.logit_bias or {} if not 0 <= id < vocabulary]
        if wrong:
            raise ValueError(f"logit_bias: expected token ids below {vocabulary}; got {wrong[0]}")
        self._sampling = sampling
        self._prompt_ids = prompt_ids
        self._text_of = text_of
        self._grammar = grammar
        self._generator = torch.Generator(prompt_ids.device)
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)
        self._warpers = _warpers(sampling)

    def draw(self, ids: Any, logits: Any) -> Drawn:
        """The next token behind `ids` [tokens], prompt and answer, by `logits` [vocabulary]."""
        import torch

        scores = self._penalised(ids[len(self._prompt_ids) :], logits.clone()[None])
        if self._grammar is not None:
            self._grammar.restrict(scores)
        if self._sampling.temperature == 0:
            id = int(scores[0].argmax())
        else:
            for warp in self._warpers:
                scores = warp(ids[None], scores)
            id = int(torch.multinomial(scores[0].softmax(-1), 1, generator=self._generator))
        if self._grammar is not None:
            self._grammar.accept(id)
        return Drawn(id, () if self._sampling.logprobs is None else (self._logprob(id, logits),))

    def _penalised(self, written: Any, scores: Any) -> Any:
        """Biases, and penalties: repeating counts in prompt and answer, the others in the answer alone."""
        import torch

        sampling = self._sampling
        for id, bias in (sampling.logit_bias or {}).items():
            scores[0, id] += bias
        if sampling.repetition_penalty not in (None, 1):
            read: Any = torch.cat((self._prompt_ids, written))
            seen = read.unique()
            seen = seen[seen < scores.shape[1]]  # the mark of a picture may stand behind the vocabulary
            found = scores[0, seen]
            scores[0, seen] = torch.where(
                found < 0, found * sampling.repetition_penalty, found / sampling.repetition_penalty
            )
        if sampling.frequency_penalty or sampling.presence_penalty:
            counts = torch.bincount(written, minlength=scores.shape[1])
            scores[0] -= counts * (sampling.frequency_penalty or 0) + (counts > 0) * (sampling.presence_penalty or 0)
        return scores

    def _logprob(self, id: int, logits: Any) -> TokenLogprob:
        """By the model itself, whatever the request's sampling makes of it."""
        shares = logits.log_softmax(-1)
        likely = shares.topk(self._sampling.logprobs or 1)
        top = list(zip(likely.indices.tolist(), likely.values.tolist(), strict=True))
        if not self._sampling.logprobs:
            top = []
        if id not in dict(top):
            top.append((id, float(shares[id])))
        return TokenLogprob(self._text_of(id), float(shares[id]), tuple((self._text_of(at), p) for at, p in top))


def _warpers(sampling: SamplingParams) -> list[Any]:
    """In vLLM's order. None and values that change nothing are left out, which the classes would not take."""
    from transformers.generation import logits_process

    made: list[Any] = []
    if sampling.temperature not in (None, 0, 1):
        made.append(logits_process.TemperatureLogitsWarper(float(sampling.temperature or 1)))
    if sampling.min_p:
        made.append(logits_process.MinPLogitsWarper(float(sampling.min_p)))
    if sampling.top_k is not None and sampling.top_k > 0:
        made.append(logits_process.TopKLogitsWarper(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        made.append(logits_process.TopPLogitsWarper(float(sampling.top_p)))
    return made
