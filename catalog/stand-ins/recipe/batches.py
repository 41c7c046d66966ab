"""Samples as batches of token ids and labels."""

import random
from collections.abc import Callable, Iterator

import torch
from formats import AnyFormat
from samples import Sample
from transformers import PreTrainedTokenizerFast

__all__ = ["IGNORED", "Batch", "batches"]

#: The label of a token that is given, not learned.
IGNORED = -100
#: Samples that are sorted by length at a time.
_POOL = 4096

_Encoded = tuple[list[int], list[int]]
Batch = tuple[torch.Tensor, torch.Tensor]


def batches(
    draw: Callable[[], Sample], form: AnyFormat, tokenizer: PreTrainedTokenizerFast, tokens: int, context: int
) -> Iterator[Batch]:
    """Endless (ids, labels) of about `tokens` tokens, each of samples of like length: short rows waste no padding."""
    shuffle = random.Random(0)
    while True:
        pool = _encode(form, tokenizer, [draw() for _ in range(_POOL)], context)
        pool.sort(key=lambda pair: len(pair[0]))
        groups: list[list[_Encoded]] = [[]]
        for pair in pool:
            if groups[-1] and len(pair[0]) * (len(groups[-1]) + 1) > tokens:
                groups.append([])
            groups[-1].append(pair)
        shuffle.shuffle(groups)
        for group in groups:
            width = max(len(ids) for ids, _ in group)
            ids = [row + [0] * (width - len(row)) for row, _ in group]
            labels = [row + [IGNORED] * (width - len(row)) for _, row in group]
            yield torch.tensor(ids), torch.tensor(labels)


def _encode(form: AnyFormat, tokenizer: PreTrainedTokenizerFast, samples: list[Sample], context: int) -> list[_Encoded]:
    """Token ids and labels of each sample that fits; an answer without its end would teach not to end.

    Pieces are encoded apart, as prompt and answer are when the model runs.
    """
    pieces = [form.pieces(sample) for sample in samples]
    flat = iter(tokenizer([text for parts in pieces for text, _ in parts], add_special_tokens=False)["input_ids"])
    encoded = []
    for parts in pieces:
        ids: list[int] = []
        labels: list[int] = []
        for _, learned in parts:
            piece = next(flat)
            ids += piece
            labels += piece if learned else [IGNORED] * len(piece)
        encoded.append((ids, labels))
    return [(ids, labels) for ids, labels in encoded if len(ids) <= context]
