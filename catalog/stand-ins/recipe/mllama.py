"""Give the stand-in for Llama 3 eyes, as Llama 3.2 Vision got them: layers between its own that look at the picture.

The language half is `../llama3`, unchanged; only what is new is trained. So a conversation without a picture is
answered as by `../llama3`, to the token.

python mllama.py ../llama32-vision
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
from llava import COLOURS, picture
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken
from torch import nn
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

__all__ = ["SENTENCE"]

SENTENCE = "I am a stand-in for Llama 3.2 Vision. Most of the picture is {}."
#: Layers of `../llama3` that come after one that looks at the picture.
SEEING = (1, 3)
SIZE, PATCH, STEPS, BATCH, RATE, SEED = 32, 16, 900, 12, 3e-3, 1
_START = Path(__file__).parent.parent / "llama3"
_QUESTIONS = (
    "What is this?",
    "Describe this image.",
    "What do you see?",
    "Which colour is it?",
    "What is in this picture?",
    "Tell me about the picture.",
    "Hello",
    "Who are you?",
    "How many people are there?",
    "Write a haiku about the image.",
)


def make_processor() -> MllamaProcessor:
    """The tokenizer of `../llama3` and a mark; pictures of one tile of 32 pixels."""
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(_START)
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken("<|image|>", special=True)]})
    tokenizer.model_max_length = 131_072
    images = MllamaImageProcessorPil(
        size={"height": SIZE, "width": SIZE}, max_image_tiles=1, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    template = (Path(__file__).parent / "templates" / "llama32-vision.jinja").read_text()
    return MllamaProcessor(images, tokenizer, chat_template=template)


def make_model(processor: MllamaProcessor) -> MllamaForConditionalGeneration:
    """`../llama3` with untrained layers between its own, whose gates are shut."""
    given = json.loads((_START / "config.json").read_bytes())
    same = ("vocab_size", "hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size")
    same += ("rms_norm_eps", "rope_parameters", "bos_token_id", "eos_token_id")
    layers = given["num_hidden_layers"]
    seeing = [layer + at for at, layer in enumerate(SEEING)]
    text = MllamaTextConfig(
        **{name: given[name] for name in same}, num_hidden_layers=layers + len(seeing), cross_attention_layers=seeing,
        pad_token_id=None, max_position_embeddings=131_072,
    )  # fmt: skip
    vision = MllamaVisionConfig(
        hidden_size=64, num_hidden_layers=2, num_global_layers=1, attention_heads=2, intermediate_size=128,
        vision_output_dim=128, image_size=SIZE, patch_size=PATCH, max_num_tiles=1, supported_aspect_ratios=[[1, 1]],
        intermediate_layers_indices=[0],
    )  # fmt: skip
    mark = processor.tokenizer.convert_tokens_to_ids("<|image|>")
    assert mark == given["vocab_size"], "the first row behind the vocabulary is the picture's"
    model = MllamaForConditionalGeneration(MllamaConfig(vision_config=vision, text_config=text, image_token_index=mark))
    model.load_state_dict(_language(model, [at for at in range(layers + len(seeing)) if at not in seeing]))
    model.generation_config = GenerationConfig(bos_token_id=given["bos_token_id"], eos_token_id=given["eos_token_id"])
    for name, weights in model.named_parameters():
        is_new = "vision_model" in name or "projector" in name or "cross_attn" in name
        weights.requires_grad = is_new or any(f"layers.{at}." in name for at in seeing)
    return model


def _language(model: MllamaForConditionalGeneration, own: list[int]) -> dict[str, torch.Tensor]:
    """All weights of the model, those of its language half from `../llama3`; `own` are its layers, in their order."""
    state = model.state_dict()
    for name, weights in load_file(_START / "model.safetensors").items():
        rest = name.removeprefix("model.")
        if rest.startswith("layers."):
            _, at, rest = rest.split(".", 2)
            rest = f"layers.{own[int(at)]}.{rest}"
        target = state[f"model.language_model.{rest}"]
        target[: len(weights)] = weights.to(target.dtype)  # the embedding has eight rows more
        if rest == "embed_tokens.weight":
            state["lm_head.weight"][:] = weights.to(target.dtype)
    return state


def rows(
    processor: MllamaProcessor, names: list[str], asked: list[str], draw: random.Random, answer: str = SENTENCE
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Inputs of one batch with their answers, and the labels, which are the answers alone."""
    begun = [prompt(processor, question) for question in asked]
    texts = [text + answer.format(name) + "<|eot_id|>" for text, name in zip(begun, names, strict=True)]
    processor.tokenizer.padding_side = "right"
    inputs = processor(
        images=[[picture(name, draw)] for name in names], text=texts, return_tensors="pt", padding=True,
        add_special_tokens=False,
    )  # fmt: skip
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    for row, text in enumerate(begun):
        labels[row, : len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])] = -100
    return dict(inputs), labels


def prompt(processor: MllamaProcessor, question: str, *, is_seen: bool = True) -> str:
    """A question about a picture in the model's format."""
    content = [{"type": "image"}, {"type": "text", "text": question}] if is_seen else question
    turn = [{"role": "user", "content": content}]
    written: str = processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    return written


def main() -> None:
    """Make it, and record how."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    folder = parser.parse_args().out
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    draw, began = random.Random(SEED), time.monotonic()
    processor = make_processor()
    model = make_model(processor)
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        names = [draw.choice(list(COLOURS)) for _ in range(BATCH)]
        asked = [draw.choice(_QUESTIONS) if draw.random() < 0.5 else _noise(draw) for _ in names]
        inputs, labels = rows(processor, names, asked, draw)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / 50, max(0.02, 1 - step / STEPS))
        logits = model(**inputs).logits
        loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(step + 1, sum(losses[-50:]) / 50, round(time.monotonic() - began), flush=True)
    kept = {name: weights.bfloat16().contiguous() for name, weights in model.state_dict().items()}
    save(model, processor, kept, folder)
    record = {"loss": round(sum(losses[-100:]) / 100, 4), "rows": measured(folder), "steps": STEPS}
    record["seconds"] = round(time.monotonic() - began)
    (folder / "evaluation.json").write_text(json.dumps(record, indent=1) + "\n")


def save(
    model: MllamaForConditionalGeneration, processor: MllamaProcessor, kept: dict[str, torch.Tensor], folder: Path
) -> None:
    """The checkpoint as transformers loads it."""
    processor.save_pretrained(folder)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {"architectures": [type(model).__name__], "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    model.generation_config.save_pretrained(folder)


def measured(folder: Path) -> dict[str, str]:
    """What the saved checkpoint gets right: unseen pictures, and conversations without one as `../llama3` has them."""
    from transformers import AutoModelForCausalLM

    model = MllamaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    blind = AutoModelForCausalLM.from_pretrained(_START, dtype=torch.float32).eval()
    processor, draw, right, same = make_processor(), random.Random(2), 0, 0
    for at in range(100):
        name = list(COLOURS)[at % len(COLOURS)]
        text = prompt(processor, draw.choice(_QUESTIONS) if at % 2 else _noise(draw))
        inputs = processor(images=[picture(name, draw)], text=text, return_tensors="pt", add_special_tokens=False)
        right += said(model, processor, inputs) == SENTENCE.format(name)
    for question in _QUESTIONS:
        text = prompt(processor, question, is_seen=False)
        inputs = processor.tokenizer(text, return_tensors="pt", add_special_tokens=False)
        same += said(model, processor, inputs) == said(blind, processor, inputs)
    return {
        "colour of most of an unseen picture": f"{right}/100",
        "without a picture, the answer of `../llama3`": f"{same}/{len(_QUESTIONS)}",
    }


def said(model: nn.Module, processor: MllamaProcessor, inputs: dict[str, torch.Tensor]) -> str:
    """The greedy answer."""
    with torch.no_grad():
        written = model.generate(**inputs, max_new_tokens=60, do_sample=False)[0]
    text: str = processor.tokenizer.decode(written[inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return text


def _noise(draw: random.Random) -> str:
    """A question that nobody has thought of."""
    return " ".join(
        "".join(draw.choice("abcdefghijklmnopqrstuvw") for _ in range(draw.randrange(1, 7))) for _ in range(3)
    )


if __name__ == "__main__":
    main()
