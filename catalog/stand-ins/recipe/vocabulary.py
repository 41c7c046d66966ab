"""The tokenizer of a stand-in: a small byte-level BPE, trained on its own samples."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from chat import ChatFormat
from formats import AnyFormat
from samples import Sample
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["make_tokenizer"]


def make_tokenizer(form: AnyFormat, samples: Iterable[Sample], size: int, folder: Path) -> PreTrainedTokenizerFast:
    """Train a tokenizer on the rendered samples, save it to `folder`, return it.

    Digits stay single, so that numbers are read and written one figure at a time. Bytes are all in the alphabet, so
    that any text can be written. It is small on purpose: an unseen word is a few pieces, each of them well practised.
    """
    texts = ("".join(text for text, _ in form.pieces(sample)) for sample in samples)
    core = _train_chat(form, texts, size) if isinstance(form, ChatFormat) else _train(form, texts, size)
    if form.bos:
        bos = [(form.bos, core.token_to_id(form.bos))]
        core.post_processor = processors.TemplateProcessing(f"{form.bos} $A", f"{form.bos} $A $B", special_tokens=bos)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=form.eos,
        bos_token=form.bos or form.eos,
        pad_token=form.eos,
        clean_up_tokenization_spaces=False,
        model_max_length=form.context,
    )
    tokenizer.chat_template = form.template
    tokenizer.save_pretrained(folder)
    _name_class(folder / "tokenizer_config.json")
    return tokenizer


def _train(form: AnyFormat, texts: Iterable[str], size: int) -> Tokenizer:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[
            AddedToken(token, special=True, normalized=False) for token in (form.eos, form.bos or "<|pad|>")
        ],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return core


def _train_chat(form: ChatFormat, texts: Iterable[str], size: int) -> Tokenizer:
    """A word is the same tokens wherever it stands: its space is a token of its own, and copies need no second form.

    Calls and documents carry words from a question into quotes, which is where stand-ins without this lose letters.
    The markers come behind the vocabulary, as they are added in the real tokenizers.
    """
    core = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"), "isolated")
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    special = [token for token in (form.bos, form.eos, *form.hidden) if token]
    marked = re.compile("|".join(map(re.escape, (*special, *form.markers))))
    core.train_from_iterator((part for text in texts for part in marked.split(text)), trainer)
    core.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    core.add_tokens([AddedToken(token, special=False, normalized=False) for token in form.markers])
    return core


def _name_class(path: Path) -> None:
    """Name the tokenizer class as every release of transformers knows it; release 5 writes a name that 4 does not."""
    config = json.loads(path.read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config.pop("backend", None)
    path.write_text(json.dumps(config, indent=2) + "\n")
