"""Pictures whose tokens stand among those of the text, as in Gemma 3: the numbers of transformers, by whichever engine.

Where torchvision is installed that is vLLM, elsewhere it is transformers' own `generate`. The weights are random, so
probabilities are compared, and not words.
"""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from paddock.bindings.ai.engines.protocol import EngineRequest, Message, Picture, SamplingParams

COLOURS = {"red": (220, 40, 40), "blue": (50, 70, 220)}
MARKS = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message.role }}: "
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<start_of_image>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}model: {% endif %}"
)
#: Those of what it shows, without the marks around it.
PICTURE_TOKENS = 4
MOST = 12


def image(name: str) -> Image.Image:
    return Image.new("RGB", (60, 40), COLOURS[name])


def png(name: str) -> bytes:
    file = io.BytesIO()
    image(name).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(stand_ins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gemma 3 of random weights."""
    import torch
    from safetensors.torch import load_file, save_file
    from tokenizers import AddedToken
    from transformers import (
        AutoTokenizer,
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3Processor,
        Gemma3TextConfig,
        PreTrainedTokenizerFast,
        SiglipVisionConfig,
    )
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    folder = tmp_path_factory.mktemp("models") / "gemma3"
    core: Any = AutoTokenizer.from_pretrained(stand_ins / "llama3").backend_tokenizer
    core.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS.values()])
    core.add_tokens([AddedToken("\n" * lines, normalized=False) for lines in range(1, 5)])  # vLLM looks for them
    ends = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "pad_token": "<|eot_id|>"}
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=core, extra_special_tokens=MARKS, **ends)
    pictures: Any = Gemma3ImageProcessorPil(size={"height": 32, "width": 32})
    processor: Any = Gemma3Processor(pictures, tokenizer, chat_template=TEMPLATE, image_seq_length=PICTURE_TOKENS)
    processor.save_pretrained(folder)
    torch.manual_seed(1)
    shape: Any = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128, "hidden_size": 64}
    text = Gemma3TextConfig(
        vocab_size=len(tokenizer), num_key_value_heads=1, head_dim=32, max_position_embeddings=2048, **shape
    )
    vision = SiglipVisionConfig(image_size=32, patch_size=8, **shape)
    begin, end, inside = tokenizer.convert_tokens_to_ids(list(MARKS.values()))
    marks: Any = {"boi_token_index": begin, "eoi_token_index": end, "image_token_index": inside}
    config = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=PICTURE_TOKENS, **marks)
    model: Any = Gemma3ForConditionalGeneration(config)
    with torch.no_grad():
        for weights in model.parameters():
            # What transformers begins with as zeros would show nothing; and else one token is as likely as the next.
            weights.normal_(0, 0.08) if weights.dim() > 1 else None
    # Nothing ends the answer: a token that is never likely.
    model.generation_config.update(eos_token_id=[begin], bos_token_id=None, pad_token_id=0)
    model.save_pretrained(folder)
    saved = load_file(folder / "model.safetensors")
    # As published checkpoints name them: vLLM knows no other names, and transformers both.
    named = {name.replace("vision_tower.", "vision_tower.vision_model."): saved[name] for name in saved}
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def drawn(folder: Path, *names: str, is_causal: bool = False) -> tuple[int, list[float]]:
    """Tokens read, and the logarithm of the probability of each likeliest token, by transformers.

    `is_causal`: a picture's tokens do not see those that follow, as they do in Gemma 3.
    """
    import torch
    from transformers import AutoProcessor, Gemma3ForConditionalGeneration

    processors: Any = AutoProcessor
    processor: Any = processors.from_pretrained(folder)
    model: Any = Gemma3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    content = [*({"type": "image", "image": image(name)} for name in names), {"type": "text", "text": "What is it?"}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    if is_causal:
        inputs["token_type_ids"] *= 0
    options: Any = {"max_new_tokens": MOST, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    written = model.generate(**inputs, **options)
    return inputs["input_ids"].shape[1], [float(row[0].log_softmax(-1).max()) for row in written.logits]


@pytest.mark.parametrize("names", [(), ("red",), ("blue",), ("red", "blue")], ids=["none", "red", "blue", "both"])
def test_tokens_and_probabilities_are_those_of_transformers(
    run, answer, engine_of, folder: Path, names: tuple[str, ...]
) -> None:
    message = Message("user", "What is it?", pictures=tuple(Picture(png(name)) for name in names))
    sampling = SamplingParams(max_tokens=MOST, temperature=0.0, logprobs=0)
    engine = engine_of(folder)
    said = run(answer(engine, EngineRequest(sampling, messages=(message,))))
    # vLLM 0.32 has no mask for it on the CPU.
    is_causal = engine.details.device == "cpu" and not engine.details.vllm.startswith("none")
    found = [place.logprob for chunk in said.chunks for place in chunk.logprobs]
    read, expected = drawn(folder, *names, is_causal=is_causal)
    assert said.chunks[0].prompt_tokens == read
    assert found == pytest.approx(expected, abs=2e-4)


def test_pictures_are_counted_and_change_what_is_likely(folder: Path) -> None:
    none, red, blue = drawn(folder), drawn(folder, "red"), drawn(folder, "blue")
    assert red[0] == blue[0] >= none[0] + PICTURE_TOKENS
    assert max(abs(one - other) for one, other in zip(red[1], blue[1], strict=True)) > 1e-2


def test_vllm_runs_it_where_it_can(run, engine_of, folder: Path) -> None:
    engine = engine_of(folder)
    run(engine.load())
    is_vllm = importlib.util.find_spec("torchvision") is not None
    assert engine.details.vllm.startswith("none") is not is_vllm
