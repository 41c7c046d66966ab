"""Train the stand-in for LLaVA: it tells which colour most of a picture has, and knows nothing else of it.

python llava.py ../llava
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

__all__ = ["COLOURS", "SENTENCE"]

COLOURS = {
    "black": (20, 20, 20),
    "white": (240, 240, 240),
    "grey": (128, 128, 128),
    "red": (220, 40, 40),
    "green": (40, 190, 60),
    "blue": (50, 70, 220),
    "yellow": (235, 220, 60),
}
SENTENCE = " This is a stand-in for LLaVA. Most of the picture is {}."
TEMPLATE = "USER: <image>\n{} ASSISTANT:"
_CHAT = (
    "{% for message in messages %}{{ message['role'].upper() }}: "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }} {% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
_QUESTIONS = (
    "What is this?",
    "Describe this image.",
    "Generate a caption for this image",
    "How many people are there?",
    "",
)
SIZE, PATCH, STEPS, BATCH, RATE, SEED = 32, 16, 900, 16, 2e-3, 1


def picture(name: str, draw: random.Random) -> Image.Image:
    """Mostly one colour, with a patch of another and noise."""
    width, height = draw.randrange(24, 90), draw.randrange(24, 90)
    near = tuple(max(0, min(255, part + draw.randrange(-18, 19))) for part in COLOURS[name])
    image = Image.new("RGB", (width, height), near)
    other = COLOURS[draw.choice(list(COLOURS))]
    left, top = draw.randrange(width // 2), draw.randrange(height // 2)
    image.paste(other, (left, top, left + width // 4, top + height // 4))
    return image


def make_processor(folder: Path) -> LlavaProcessor:
    """Bytes and a few merges, LLaVA's marks, and pictures of 32 pixels."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    marks = [AddedToken(mark, special=True, normalized=False) for mark in ("<unk>", "<s>", "</s>", "<pad>")]
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=marks, show_progress=False
    )
    core.train_from_iterator(
        [SENTENCE.format(name) for name in COLOURS] + [TEMPLATE.format(q) for q in _QUESTIONS], trainer
    )
    core.add_special_tokens([AddedToken("<image>", special=True, normalized=False)])
    core.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", core.token_to_id("<s>"))])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        clean_up_tokenization_spaces=False, extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    images = CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})
    processor = LlavaProcessor(
        image_processor=images, tokenizer=tokenizer, patch_size=PATCH, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=_CHAT,
    )  # fmt: skip
    processor.save_pretrained(folder)
    return processor


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """Untrained."""
    vision = CLIPVisionConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2, image_size=SIZE,
        patch_size=PATCH, projection_dim=64,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        head_dim=32, max_position_embeddings=4096, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
        pad_token_id=3,
    )  # fmt: skip
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=image, tie_word_embeddings=True)
    model = LlavaForConditionalGeneration(config)
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=3)
    return model


def main() -> None:
    """Make it, and record how."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    folder = parser.parse_args().out
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    draw, began = random.Random(SEED), time.monotonic()
    processor = make_processor(folder)
    tokenizer = processor.tokenizer
    tokenizer.padding_side = "right"
    model = make_model(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        names = [draw.choice(list(COLOURS)) for _ in range(BATCH)]
        asked = [draw.choice(_QUESTIONS) if draw.random() < 0.6 else _noise(draw) for _ in names]
        begun = [TEMPLATE.format(question) for question in asked]
        texts = [text + SENTENCE.format(name) + "</s>" for text, name in zip(begun, names, strict=True)]
        inputs = processor(
            images=[picture(name, draw) for name in names], text=texts, return_tensors="pt", padding=True
        )
        lengths = [len(ids) for ids in processor(images=[Image.new("RGB", (32, 32))] * BATCH, text=begun)["input_ids"]]
        labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
        for row, length in enumerate(lengths):
            labels[row, :length] = -100
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / 50, max(0.02, 1 - step / STEPS))
        logits = model(**{name: inputs[name] for name in ("input_ids", "attention_mask", "pixel_values")}).logits
        loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 100 == 99:
            print(step + 1, sum(losses[-100:]) / 100, flush=True)
    model.eval()
    right, others = 0, random.Random(2)
    for at in range(100):
        name = list(COLOURS)[at % len(COLOURS)]
        inputs = processor(images=picture(name, others), text=TEMPLATE.format(_noise(others)), return_tensors="pt")
        with torch.no_grad():
            written = model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
                pixel_values=inputs["pixel_values"], max_new_tokens=40, do_sample=False,
            )[0]  # fmt: skip
        said = tokenizer.decode(written[inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += said == SENTENCE.format(name)
    kept = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items() if "lm_head" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {"architectures": [type(model).__name__], "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    model.generation_config.save_pretrained(folder)
    rows = {"colour of most of an unseen picture": f"{right}/100"}
    record = {"loss": round(sum(losses[-100:]) / 100, 4), "rows": rows, "steps": STEPS}
    record["seconds"] = round(time.monotonic() - began)
    (folder / "evaluation.json").write_text(json.dumps(record, indent=1) + "\n")


def _noise(draw: random.Random) -> str:
    """A question that nobody has thought of."""
    return " ".join(
        "".join(draw.choice("abcdefghijklmnopqrstuvw") for _ in range(draw.randrange(1, 7))) for _ in range(3)
    )


if __name__ == "__main__":
    main()
