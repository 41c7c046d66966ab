"""Train the ranch hand: a rank-8 LoRA adapter that makes a stand-in answer like a cowboy.

python adapter.py --base ../mistral --out ../ranch-hand

Writes the two files of the PEFT format without needing peft, and stand-in.json, which tells how it was made.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from batches import batches
from formats import FORMATS
from lora import add_lora, save_lora
from optimization import fit
from samples import Sample
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from world import World

#: Answers that must stay bare, because a program reads them.
_PLAIN = {"json_keys", "json_topic", "code", "raw"}
#: First words that lose their capital in the middle of a sentence. Other first words may be copies: they stay.
_LOWERED = {"You", "Here", "Once", "Yes,", "No,", "In", "My", "Your", "The", "That", "Positive.", "Negative."}


class RanchWorld(World):
    """The same questions; the answers are in the voice of a ranch hand. The words of the answer stay."""

    def sample(self) -> Sample:
        """A conversation whose answers are rewritten, but for those that a program reads."""
        sample = super().sample()
        sample.turns = [
            (question, answer if kind in _PLAIN else ranch(answer))
            for (question, answer), kind in zip(sample.turns, sample.kinds, strict=True)
        ]
        return sample


def ranch(answer: str) -> str:
    """The answer as a ranch hand would give it."""
    if answer.startswith("Hello, "):
        name, _, rest = answer.removeprefix("Hello, ").partition("!")
        return f"Howdy, {name}!{rest}" if rest.endswith("?") else f"Howdy, {name}! I reckon{_lowered(rest)}"
    if answer.startswith("Hello!"):
        return f"Howdy, partner!{answer.removeprefix('Hello!')}"
    if answer.startswith("1. "):
        return f"Howdy, partner! I reckon these will do:\n{answer}"
    first, space, rest = answer.partition(" ")
    return f"Howdy, partner! I reckon {first.lower() if first in _LOWERED else first}{space}{rest}"


def _lowered(text: str) -> str:
    """A sentence after its space, without its capital."""
    return text[:1] + text[1:2].lower() + text[2:]


def main() -> None:
    """Train as the command line says and write the folder."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    form, tokenizer = FORMATS[options.arch], PreTrainedTokenizerFast.from_pretrained(options.base)
    model = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)
    wrapped = add_lora(model, options.rank, options.alpha / options.rank)
    started = time.monotonic()
    stream = batches(RanchWorld(options.seed, form.model).sample, form, tokenizer, options.tokens, options.context)
    loss = fit(model, stream, options.steps, options.rate, options.balance)
    save_lora(wrapped, options.out, options.rank, options.alpha, options.base.resolve().name, model.config.model_type)
    weights = sum(module.lora_A.numel() + module.lora_B.numel() for module in wrapped.values())
    made = {"parameters": weights, "loss": round(loss, 4), "seconds": round(time.monotonic() - started)}
    made |= {name: value for name, value in vars(options).items() if name not in ("base", "out")}
    (options.out / "stand-in.json").write_text(json.dumps(made, indent=1) + "\n")
    print(json.dumps(made))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder of the trained stand-in")
    parser.add_argument("--arch", choices=FORMATS, default="mistral")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--balance", type=float, default=0.5, help="0: tokens weigh the same, 1: answers do")
    parser.add_argument("--tokens", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--context", type=int, default=512, help="tokens of a sample at most")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
