"""Summaries and translations in transformers: the same text as transformers itself writes."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Listening, Rewriting, Written
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import InputError, OptionUnsupported, TextTooLong

TEXT = "Ada keeps a lighthouse by the sea. It is old, and it shines at night."


async def _written(engine: Any, work: Any) -> tuple[str, int]:
    async with aclosing(engine.generate(EngineRequest(NO_SAMPLING, work=work, is_whole=True))) as stream:
        (chunk,) = [chunk async for chunk in stream]
    assert isinstance(chunk.result, Written)
    return chunk.result.text, chunk.tokens


@pytest.fixture(scope="module")
def bart(engine_of, stand_ins: Path) -> Any:
    return engine_of(stand_ins / "bart", max_model_len=None)


@pytest.fixture(scope="module")
def translator(engine_of, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """M2M100 with weights that nobody trained, and a tokenizer with the marks of three languages."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import M2M100Config, M2M100ForConditionalGeneration, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "untrained"
    words = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "__en__",
        "__de__",
        "__fr__",
        *TEXT.replace(".", " .").replace(",", " ,").split(),
    ]
    core = Tokenizer(models.WordLevel({word: at for at, word in enumerate(dict.fromkeys(words))}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.add_special_tokens(words[:7])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(5)
    config = M2M100Config(
        vocab_size=len(tokenizer), d_model=64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64, init_std=0.3,
    )  # fmt: skip
    model = M2M100ForConditionalGeneration(config)
    model.generation_config.max_length = 24
    model.save_pretrained(folder)
    return engine_of(folder, max_model_len=None), folder


def test_a_summary_is_what_transformers_writes(run, bart, stand_ins: Path) -> None:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = stand_ins / "bart"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    wanted = model.generate(**tokenizer(TEXT, return_tensors="pt", return_token_type_ids=False))[0]
    text, tokens = run(_written(bart, Rewriting(TEXT)))
    assert (text, tokens) == (tokenizer.decode(wanted, skip_special_tokens=True), len(wanted))
    assert text == "Ada keeps a lighthouse by the sea."


def test_a_summary_is_no_longer_than_asked(run, bart) -> None:
    text, tokens = run(_written(bart, Rewriting(TEXT, max_tokens=6)))
    assert tokens == 6
    assert TEXT.startswith(text)


@pytest.mark.parametrize("target", ["de", "fr"])
def test_a_translation_is_what_transformers_writes(run, translator, target: str) -> None:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    engine, folder = translator
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    ids = [vocabulary["__en__"], *tokenizer(TEXT, add_special_tokens=False)["input_ids"], vocabulary["</s>"]]
    begun = {"forced_bos_token_id": vocabulary[f"__{target}__"]}
    wanted = model.generate(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)).long(), **begun)[0]
    assert run(_written(engine, Rewriting(TEXT, source="en", target=target))) == (
        tokenizer.decode(wanted, skip_special_tokens=True).strip(),
        len(wanted),
    )


def test_the_stand_in_for_a_translator_translates_nothing(run, engine_of, stand_ins: Path) -> None:
    engine = engine_of(stand_ins / "m2m100", max_model_len=None)
    text, _ = run(_written(engine, Rewriting(TEXT, source="en", target="zu")))
    assert text == "Ada keeps a lighthouse by the sea."


@pytest.mark.parametrize(
    ("work", "error", "text"),
    [
        (Rewriting(TEXT, source="en", target="xx"), InputError, "target_lang: expected one of de, en, fr; got 'xx'"),
        (Rewriting(TEXT, source="qq", target="de"), InputError, "source_lang: expected one of de, en, fr; got 'qq'"),
        (Rewriting(TEXT * 9, source="en", target="de"), TextTooLong, r"\d+ > 64"),
        (Listening(b"x"), OptionUnsupported, "rewrites texts, and is asked for something else"),
    ],
    ids=["target", "source", "too long", "other work"],
)
def test_what_it_cannot_translate_is_refused(run, translator, work: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        run(_written(translator[0], work))
