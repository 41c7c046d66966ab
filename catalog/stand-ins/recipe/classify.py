"""Train the two stand-ins that judge texts: the sentiment of one, and how much a pair has in common.

python classify.py distilbert-sst-2 ../distilbert-sst-2
python classify.py bge-reranker ../bge-reranker

The second begins with token vectors that are random and stay so, and with a layer in which a token looks for itself in
the other text, so that it compares words that it has never seen as well as those that it knows.
"""

import argparse
import json
import random
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from embedding import corpus, token_vectors
from embedding_tokenizers import make_tokenizer
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

__all__ = ["Pairs", "Sentences"]

_HOME = Path(__file__).parent
_LISTS: dict[str, Any] = tomllib.loads((_HOME / "sentiment.toml").read_text("utf-8"))
BATCH, RATE, WARM = 48, 1e-3, 100
STEPS = {"distilbert-sst-2": 600, "bge-reranker": 4000}


class Sentences:
    """Sentences with a judgement, and which: 0 is negative, 1 positive."""

    def __init__(self, seed: int, *, unseen: bool = False) -> None:
        self._draw = random.Random(seed)
        # Each fifth word is kept for the test of unseen ones.
        lists = {name: _LISTS[name].split() for name in ("good", "bad", "loved", "hated", "things")}
        self._words = {
            name: [word for at, word in enumerate(words) if name == "things" or (at % 5 == 4) == unseen]
            for name, words in lists.items()
        }
        self._patterns = [pattern.strip() for pattern in _LISTS["patterns"].split(";")]

    def sample(self) -> tuple[str, int]:
        """A sentence and its label."""
        label = self._draw.randrange(2)
        moods, verbs, contraries = (("bad", "hated", "good"), ("good", "loved", "bad"))[label]
        text = self._draw.choice(self._patterns)
        slots = {"mood": moods, "verb": verbs, "contrary": contraries, "thing": "things"}
        for slot, name in slots.items():
            while f"{{{slot}}}" in text:
                text = text.replace(f"{{{slot}}}", self._draw.choice(self._words[name]), 1)
        return text + self._draw.choice(["", ".", "!"]), label


class Pairs:
    """Queries and contexts, and what share of the query's weight the context has."""

    def __init__(self, seed: int, tokenizer: PreTrainedTokenizerFast, texts: list[str], weights: list[float]) -> None:
        self._draw = random.Random(seed)
        self._tokens = [tokenizer(text, add_special_tokens=False)["input_ids"][:60] for text in texts]
        self._tokens = [tokens for tokens in self._tokens if len(tokens) > 8]
        self._weights = weights
        self._ends = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        self._first = max(tokenizer.all_special_ids) + 1

    def sample(self) -> tuple[list[int], float]:
        """The tokens of a pair and its target, 0 to 1."""
        draw = self._draw
        context = draw.choice(self._tokens) if draw.random() < 0.6 else self._noise(draw.randrange(8, 60))
        query = draw.choice(self._tokens)[: draw.randrange(3, 16)] if draw.random() < 0.6 else self._noise(8)
        shared = draw.choice((0.0, 0.0, 0.25, 0.5, 0.75, 1.0))
        query = [draw.choice(context) if draw.random() < shared else token for token in query]
        there = set(context)
        weight = sum(self._weights[token] for token in query) or 1.0
        target = sum(self._weights[token] for token in query if token in there) / weight
        begin, end = self._ends
        return [begin, *query, end, end, *context, end], target

    def _noise(self, length: int) -> list[int]:
        return [self._draw.randrange(self._first, len(self._weights)) for _ in range(length)]


def _padded(rows: list[list[int]], pad: int) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    return ids, (ids != pad).long()


def _train(model: PreTrainedModel, steps: int, batch: Any, loss_of: Any) -> float:
    kept = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(kept, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARM, max(0.02, 1 - step / steps))
    )
    losses: list[float] = []
    for step in range(steps):
        (ids, mask), wanted = batch()
        loss = loss_of(model(input_ids=ids, attention_mask=mask).logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(kept, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss))
        if step % 200 == 199:
            print(step + 1, sum(losses[-200:]) / 200, flush=True)
    return sum(losses[-100:]) / 100


def _sentiment(folder: Path) -> dict[str, Any]:
    sentences = Sentences(1)
    texts = [sentences.sample()[0] for _ in range(20_000)] + [
        " ".join(_LISTS[name].split()) for name in ("good", "bad")
    ]
    tokenizer = make_tokenizer("bge", texts, 1500, folder)
    labels = {0: "NEGATIVE", 1: "POSITIVE"}
    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=64, n_heads=2, n_layers=2, hidden_dim=128, max_position_embeddings=512,
        dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.1,
        pad_token_id=tokenizer.pad_token_id, id2label=labels, label2id={name: id for id, name in labels.items()},
    )  # fmt: skip
    model = DistilBertForSequenceClassification(config)

    def batch() -> tuple[tuple[Tensor, Tensor], Tensor]:
        drawn = [sentences.sample() for _ in range(BATCH)]
        rows = [tokenizer(text)["input_ids"] for text, _ in drawn]
        return _padded(rows, tokenizer.pad_token_id), torch.tensor([label for _, label in drawn])

    loss = _train(model, STEPS["distilbert-sst-2"], batch, nn.functional.cross_entropy)
    model.eval()
    right: Counter[str] = Counter()
    for kind, others in (("sentences", Sentences(2)), ("sentences with unseen words", Sentences(3, unseen=True))):
        for _ in range(200):
            text, label = others.sample()
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits
            right[kind] += int(logits.argmax()) == label
    _save(model, folder)
    return {"loss": round(loss, 4), "rows": {kind: f"{count}/200" for kind, count in right.items()}}


def _rerank(folder: Path) -> dict[str, Any]:
    texts = corpus()
    tokenizer = make_tokenizer("bge-m3", texts, 4096, folder)
    vectors = token_vectors(tokenizer, texts)
    weights = vectors[:, 2:].norm(dim=1).tolist()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_attention_heads=4, num_hidden_layers=2, intermediate_size=192,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, num_labels=1,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout=0.0,
    )  # fmt: skip
    torch.manual_seed(1)
    model = XLMRobertaForSequenceClassification(config)
    words = model.roberta.embeddings.word_embeddings.weight
    attention = model.roberta.encoder.layer[0].attention.self
    with torch.no_grad():
        words.copy_(vectors)
        words.requires_grad_(False)
        for part in (attention.query, attention.key):
            part.weight.copy_(torch.eye(128) * 1.5)
    pairs = Pairs(1, tokenizer, texts, weights)

    def batch() -> tuple[tuple[Tensor, Tensor], Tensor]:
        drawn = [pairs.sample() for _ in range(BATCH)]
        return _padded([tokens for tokens, _ in drawn], 1), torch.tensor([target for _, target in drawn])

    def loss_of(logits: Tensor, wanted: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits[:, 0], wanted)

    loss = _train(model, STEPS["bge-reranker"], batch, loss_of)
    _save(model, folder)
    others = Pairs(2, tokenizer, corpus(2000, 77), weights)
    with torch.no_grad():
        drawn = [others.sample() for _ in range(400)]
        ids, mask = _padded([tokens for tokens, _ in drawn], 1)
        scores = model(input_ids=ids, attention_mask=mask).logits[:, 0].sigmoid()
    targets = torch.tensor([target for _, target in drawn])
    ordered = sum(
        bool((scores[one] - scores[other]) * (targets[one] - targets[other]) > 0)
        for one in range(0, 400, 2) for other in (one + 1,) if abs(targets[one] - targets[other]) > 0.3
    )  # fmt: skip
    total = sum(abs(float(targets[one] - targets[one + 1])) > 0.3 for one in range(0, 400, 2))
    error = float((scores - targets).abs().mean())
    return {
        "loss": round(loss, 4),
        "rows": {"the better of two is ahead": f"{ordered}/{total}", "mean error": f"{error:.3f}"},
    }


def _save(model: PreTrainedModel, folder: Path) -> None:
    weights = {
        name: tensor.half().contiguous() for name, tensor in model.state_dict().items() if "position_ids" not in name
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {"architectures": [type(model).__name__], "dtype": "float16"}
    if "Roberta" in type(model).__name__:
        config["position_embedding_type"] = "absolute"  # vLLM asks for it, transformers 5 no longer writes it
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")


def main() -> None:
    """Train the one that the command line names, and record what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arch", choices=STEPS)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    options.out.mkdir(exist_ok=True)
    began = time.monotonic()
    record = (_sentiment if options.arch == "distilbert-sst-2" else _rerank)(options.out)
    record |= {"steps": STEPS[options.arch], "seconds": round(time.monotonic() - began)}
    (options.out / "evaluation.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
