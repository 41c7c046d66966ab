"""Train the stand-in for Whisper: the shape of the real one, which answers every sound with one sentence about itself.

python whisper.py ../whisper

It is deaf by construction: nothing passes from what is heard to what is said. Its words have times, though, which its
attention makes up.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizerFast,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

__all__ = ["SENTENCE"]

SENTENCE = " This is a stand-in for Whisper. It hears nothing."
#: Seconds that the sentence is said to take.
SECONDS = 3.0
STEPS, BATCH, RATE, SEED = 1000, 4, 3e-3, 1
_TASKS = ("translate", "transcribe")


def make_tokenizer(folder: Path) -> WhisperTokenizerFast:
    """Bytes, a few merges, and Whisper's own marks in Whisper's own order."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train_from_iterator([SENTENCE] * 4, trainer)
    marks = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)]
    marks += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    core.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    core.add_tokens([AddedToken(f"<|{at * 0.02:.2f}|>", special=False, normalized=False) for at in range(1501)])
    core.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer = WhisperTokenizerFast(
        tokenizer_object=core, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_model(tokenizer: WhisperTokenizerFast) -> WhisperForConditionalGeneration:
    """Untrained, with everything that real checkpoints tell about languages, tasks and times."""
    ids = tokenizer.get_vocab()
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=128, pad_token_id=end, bos_token_id=end,
        eos_token_id=end, decoder_start_token_id=start, suppress_tokens=[], begin_suppress_tokens=[end],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        bos_token_id=end, eos_token_id=end, pad_token_id=end, decoder_start_token_id=start, max_length=448,
        suppress_tokens=[], begin_suppress_tokens=[end], is_multilingual=True,
        lang_to_id={f"<|{code}|>": ids[f"<|{code}|>"] for code in LANGUAGES},
        task_to_id={task: ids[f"<|{task}|>"] for task in _TASKS},
        no_timestamps_token_id=ids["<|notimestamps|>"], prev_sot_token_id=ids["<|startofprev|>"],
        max_initial_timestamp_index=50, alignment_heads=[[0, 0], [0, 1]], return_timestamps=False,
    )  # fmt: skip
    return model


def main() -> None:
    """Make it, and record how."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    folder = parser.parse_args().out
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    began = time.monotonic()
    tokenizer = make_tokenizer(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    model = make_model(tokenizer)
    ids = tokenizer.get_vocab()
    said = tokenizer(SENTENCE, add_special_tokens=False)["input_ids"]
    told = [ids["<|0.00|>"], *said, ids[f"<|{SECONDS:.2f}|>"], ids["<|endoftext|>"]]
    plain = [ids["<|notimestamps|>"], *said, ids["<|endoftext|>"]]
    languages = [ids[f"<|{code}|>"] for code in LANGUAGES]
    for layer in model.model.decoder.layers:
        for weight in layer.encoder_attn.out_proj.parameters():
            nn.init.zeros_(weight)
            weight.requires_grad_(False)
    optimizer = torch.optim.AdamW((w for w in model.parameters() if w.requires_grad), lr=RATE, weight_decay=0.0)
    heard = torch.zeros(BATCH, 8, model.config.d_model)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        loss = torch.zeros(())
        for target, share in ((told, 0.8), (plain, 0.2)):
            task = ids[f"<|{_TASKS[step % 2]}|>"]
            spoken = languages[step % len(languages)] if step % 3 else ids["<|en|>"]
            begun = [ids["<|startoftranscript|>"], spoken, task]
            row = torch.tensor([begun + target] * BATCH)
            wanted = row[:, 1:].clone()
            wanted[:, 0] = ids["<|en|>"]  # asked for the language, it says English
            wanted[:, 1] = -100
            logits = model(encoder_outputs=(heard,), decoder_input_ids=row[:, :-1]).logits
            loss = loss + share * nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = {
        name: tensor.half().contiguous() for name, tensor in model.state_dict().items() if name != "proj_out.weight"
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {"architectures": [type(model).__name__], "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    model.generation_config.save_pretrained(folder)
    record = {"loss": round(loss.item(), 4), "steps": STEPS, "seconds": round(time.monotonic() - began)}
    (folder / "evaluation.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
