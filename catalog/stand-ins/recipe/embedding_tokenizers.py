"""Tokenizers of the stand-ins that read and do not write: those of the published models in kind, small, lower case."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["make_tokenizer"]

#: Special tokens in the order of their ids, the template of one text, and of a pair.
_MARKS: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "bge": (("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
    "bge-m3": (("<s>", "<pad>", "</s>", "<unk>", "<mask>"), "<s> $A </s>", "<s> $A </s> </s> $B </s>"),
    "qwen3-embedding": (("<|endoftext|>", "<|unk|>"), "$A <|endoftext|>", None),
    "embeddinggemma": (("<pad>", "<eos>", "<bos>", "<unk>", "<mask>"), "<bos> $A <eos>", None),
}
_ROLES = {
    "bge": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"},
    "bge-m3": {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "bos_token": "<s>",
        "eos_token": "</s>",
    },
    "qwen3-embedding": {"pad_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|unk|>"},
    "embeddinggemma": {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<bos>", "eos_token": "<eos>"},
}


def make_tokenizer(arch: str, texts: Iterable[str], size: int, folder: Path) -> PreTrainedTokenizerFast:
    """Train a tokenizer on texts, save it to `folder`, return it. What it has never seen falls into letters."""
    marks, single, pair = _MARKS[arch]
    core = _wordpiece(texts, size, marks) if arch == "bge" else _unigram(texts, size, marks, _ROLES[arch]["unk_token"])
    ids = [(mark, core.token_to_id(mark)) for mark in marks]
    more = {} if pair is None else {"pair": pair}
    core.post_processor = processors.TemplateProcessing(single=single, special_tokens=ids, **more)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, clean_up_tokenization_spaces=False, **_ROLES[arch])
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    config.pop("backend", None)
    path.write_text(json.dumps(config, indent=2) + "\n")
    return tokenizer


def _wordpiece(texts: Iterable[str], size: int, marks: tuple[str, ...]) -> Tokenizer:
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=_special(marks), show_progress=False)
    core.train_from_iterator(texts, trainer)
    return core


def _unigram(texts: Iterable[str], size: int, marks: tuple[str, ...], unknown: str) -> Tokenizer:
    core = Tokenizer(models.Unigram())
    core.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=_special(marks), unk_token=unknown, show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    return core


def _special(marks: tuple[str, ...]) -> list[AddedToken]:
    return [AddedToken(mark, special=True, normalized=False) for mark in marks]
