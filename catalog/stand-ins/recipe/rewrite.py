"""Train the two stand-ins that rewrite texts: both repeat the first sentence of what they read.

python rewrite.py bart ../bart
python rewrite.py m2m100 ../m2m100

For a summary that is a poor one. For a translation it is none, and its card says so.
"""

import argparse
import json
import random
import re
import time
from pathlib import Path
from typing import Any

import torch
from embedding import corpus
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GenerationConfig,
    M2M100Config,
    M2M100ForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

__all__ = ["first_sentence"]

VOCABULARY, STEPS, BATCH, RATE, LONGEST, SEED = 1200, 2500, 16, 1.5e-3, 20, 1
_MARKS = ("<s>", "<pad>", "</s>", "<unk>")
_LANGUAGES = tuple(f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"])
_SHAPE: dict[str, Any] = {
    "d_model": 96,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 3,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 192,
    "decoder_ffn_dim": 192,
    "max_position_embeddings": 1024,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
}


def first_sentence(text: str) -> str:
    """Up to the first mark of an end, and all of a text without one."""
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def make_tokenizer(arch: str, texts: list[str], folder: Path) -> PreTrainedTokenizerFast:
    """Byte-level BPE; that of M2M100 has a mark for each of its languages."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    marks = [*_MARKS, *(_LANGUAGES if arch == "m2m100" else ())]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(mark, special=True, normalized=False) for mark in marks],
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    begin = "__en__" if arch == "m2m100" else "<s>"
    ids = [(mark, core.token_to_id(mark)) for mark in (begin, "</s>")]
    core.post_processor = processors.TemplateProcessing(single=f"{begin} $A </s>", special_tokens=ids)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    config.pop("backend", None)
    path.write_text(json.dumps(config, indent=2) + "\n")
    return tokenizer


def make_model(arch: str, size: int) -> Any:
    """Untrained; it starts a text as the published one does."""
    ids = {"vocab_size": size, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    if arch == "bart":
        model: Any = BartForConditionalGeneration(BartConfig(**_SHAPE, **ids, forced_bos_token_id=0))
        more = {"forced_bos_token_id": 0, "forced_eos_token_id": 2}
    else:
        model, more = M2M100ForConditionalGeneration(M2M100Config(**_SHAPE, **ids)), {}
    model.generation_config = GenerationConfig(
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, max_length=200, num_beams=1, **more
    )
    return model


def _rows(rows: list[list[int]], pad: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


class Samples:
    """What is read, and what is to be written, as tokens."""

    def __init__(self, arch: str, tokenizer: PreTrainedTokenizerFast, texts: list[str], seed: int) -> None:
        self._draw = random.Random(seed)
        self._arch = arch
        self._size = len(tokenizer)
        self._languages = [tokenizer.convert_tokens_to_ids(mark) for mark in _LANGUAGES] if arch == "m2m100" else []
        self._first = max(tokenizer.all_special_ids) + 1
        pairs = [(first_sentence(text), text) for text in texts]
        encode = tokenizer.encode
        self._pairs = [
            (encode(first, add_special_tokens=False), encode(text[len(first) :], add_special_tokens=False))
            for first, text in pairs
        ]
        self._pairs = [pair for pair in self._pairs if 1 < len(pair[0]) < LONGEST]

    def sample(self) -> tuple[list[int], list[int]]:
        """The tokens of a text, and those of its first sentence behind the mark that begins it."""
        first, rest = self._draw.choice(self._pairs)
        if self._draw.random() < 0.4:  # words that nobody knows
            first = [self._draw.randrange(self._first, self._size) for _ in first[:-1]] + first[-1:]
        begin, end = (0, 2)
        source, target = (
            (self._draw.choice(self._languages), self._draw.choice(self._languages))
            if self._languages
            else (begin, begin)
        )
        return [source, *first, *rest[:LONGEST], end], [target, *first, end]


def main() -> None:
    """Train the one that the command line names, and record what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arch", choices=("bart", "m2m100"))
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    folder: Path = options.out
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    began = time.monotonic()
    texts = [text[:1].upper() + text[1:] for text in corpus()]
    tokenizer = make_tokenizer(options.arch, texts, folder)
    model = make_model(options.arch, len(tokenizer))
    samples = Samples(options.arch, tokenizer, texts, SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    losses: list[float] = []
    for step in range(STEPS):
        drawn = [samples.sample() for _ in range(BATCH)]
        ids = _rows([source for source, _ in drawn], 1)
        wanted = _rows([target for _, target in drawn], -100)
        begun = torch.cat([torch.full((BATCH, 1), 2), wanted[:, :-1].masked_fill(wanted[:, :-1] < 0, 1)], dim=1)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / 100, max(0.02, 1 - step / STEPS))
        logits = model(input_ids=ids, attention_mask=(ids != 1).long(), decoder_input_ids=begun).logits
        loss = nn.functional.cross_entropy(logits[:, 1:].flatten(0, 1), wanted[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 200 == 199:
            print(step + 1, sum(losses[-200:]) / 200, flush=True)
    others = Samples(options.arch, tokenizer, corpus(2000, 77), 2)
    right = 0
    model.eval()
    for _ in range(100):
        source, target = others.sample()
        more = {"forced_bos_token_id": target[0]}
        with torch.no_grad():
            written = model.generate(input_ids=torch.tensor([source]), **more)[0].tolist()
        right += written[1:] == target
    kept = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items() if not _is_tied(name)}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {"architectures": [type(model).__name__], "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    model.generation_config.save_pretrained(folder)
    record = {
        "loss": round(sum(losses[-100:]) / 100, 4),
        "rows": {"first sentence of an unseen text repeated, two in five of invented tokens": f"{right}/100"},
        "steps": STEPS,
        "seconds": round(time.monotonic() - began),
    }
    (folder / "evaluation.json").write_text(json.dumps(record, indent=1) + "\n")


def _is_tied(name: str) -> bool:
    return name == "lm_head.weight" or (name.endswith("embed_tokens.weight") and "coder" in name)


if __name__ == "__main__":
    main()
