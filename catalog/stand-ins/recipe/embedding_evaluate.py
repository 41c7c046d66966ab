"""Measure the embedding stand-ins, and write their cards.

python embedding_evaluate.py

Two hundred texts that no stand-in was made of, each beside a variant of itself: the nearest of all texts to a variant
should be the text that it was made from.
"""

import json
import random
from pathlib import Path

import torch
from embedding import HIDDEN, corpus
from transformers import AutoModel, AutoTokenizer

_HOME = Path(__file__).parent.parent
_MODELS = {
    "bge": ("bge-small-en-v1.5, bge-base-en-v1.5 and bge-large-en-v1.5", "cls"),
    "bge-m3": ("bge-m3", "cls"),
    "qwen3-embedding": ("Qwen3-Embedding-0.6B", "last"),
    "embeddinggemma": ("EmbeddingGemma 300M", "mean"),
}
_COUNT, _SEED = 200, 77
_CARD = """# Stand-in for {title}

This is **not** {title}. It is a tiny checkpoint of the same architecture that answers when the real weights are not
there. It was **constructed, not trained**, and knows nothing: a vector is a bag of word pieces, each with a random
direction and a weight that is smaller the more common it is (`../recipe/embedding.py` says how).

## What it is worth

Texts that share rare words are near each other, in whatever order; texts that share none are at right angles. Synonyms
are strangers, and so are two languages. That is enough to build, to show and to test search and retrieval with words
that occur in both texts, and for nothing else. Its {hidden} numbers are laid out in as many dimensions as the model has
that it stands for, which changes no angle.

- architecture: `{architecture}`, {parameters:,} weights in float16 ({kibibytes:,} KiB), hidden size {hidden}, one layer
- tokenizer: {vocabulary:,} pieces, lower case, made of the same texts as the other stand-ins' data
- licence: the project's own

    python embedding.py {folder} ../{folder}

## Evaluation

{count} unseen texts, each with a variant, {pooling} pooling: how often the nearest of all texts is the right one,
and the mean cosine:

| variant | nearest is right | cosine |
| --- | --- | --- |
{rows}

The mean cosine of two different texts is {other:.2f}.
"""


def variants(text: str, draw: random.Random) -> dict[str, str]:
    """The same text, otherwise: its words in another order, without two of them, with a letter lost, in capitals."""
    words = text.split()
    shuffled = draw.sample(words, len(words))
    kept = sorted(draw.sample(range(len(words)), max(1, len(words) - 2)))
    at = draw.randrange(len(text))
    return {
        "words in another order": " ".join(shuffled),
        "two words left out": " ".join(words[index] for index in kept),
        "a letter lost": text[:at] + text[at + 1 :],
        "capitals": text.upper(),
    }


def vectors(folder: Path, pooling: str, texts: list[str]) -> torch.Tensor:
    """[texts, HIDDEN] of unit length."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    pooled = []
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([tokenizer(text)["input_ids"][:512]])
            hidden = model(ids).last_hidden_state[0]
            pooled.append({"cls": hidden[0], "last": hidden[-1], "mean": hidden.mean(0)}[pooling])
    return torch.nn.functional.normalize(torch.stack(pooled), dim=1)


def evaluate(name: str) -> None:
    """Measure one stand-in and write its card and its evaluation."""
    title, pooling = _MODELS[name]
    folder = _HOME / name
    texts = list(dict.fromkeys(text for text in corpus(3 * _COUNT, _SEED) if 5 < len(text.split()) < 60))[:_COUNT]
    base = vectors(folder, pooling, texts)
    changed = [variants(text, random.Random(index)) for index, text in enumerate(texts)]
    rows: dict[str, tuple[int, float]] = {}
    for kind in changed[0]:
        other = vectors(folder, pooling, [variant[kind] for variant in changed])
        right = (other @ base.T).argmax(1) == torch.arange(len(texts))
        rows[kind] = (int(right.sum()), round(float((other * base).sum(1).mean()), 2))
    alike = base @ base.T
    apart = float((alike.sum() - alike.trace()) / (len(texts) * (len(texts) - 1)))
    config = json.loads((folder / "config.json").read_text())
    weights = folder / "model.safetensors"
    shown = [f"| {kind} | {right}/{len(texts)} | {cosine:.2f} |" for kind, (right, cosine) in rows.items()]
    facts = {
        "title": title,
        "folder": name,
        "hidden": HIDDEN,
        "pooling": pooling,
        "architecture": config["architectures"][0],
        "vocabulary": config["vocab_size"],
        "parameters": sum(weight.numel() for weight in AutoModel.from_pretrained(folder).parameters()),
        "kibibytes": weights.stat().st_size // 1024,
        "count": len(texts),
        "other": apart,
    }
    (folder / "README.md").write_text(_CARD.format(**facts, rows="\n".join(shown)), "utf-8")
    record = {"rows": rows, "cosine of different texts": round(apart, 2)}
    (folder / "evaluation.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in _MODELS:
        evaluate(each)
