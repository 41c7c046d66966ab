"""Train one stand-in: a tiny checkpoint of a real architecture that answers from the small world of generate.py.

python train.py --arch llama --out ../llama

The result is a folder that transformers and vLLM load (config, tokenizer with chat template, bf16 weights), and
stand-in.json, which tells how it was made.
"""

import argparse
import itertools
import json
import re
import shutil
import time
from pathlib import Path

import torch
from agent import AgentWorld
from architecture import build
from batches import batches
from faster import hasten
from formats import FORMATS, AnyFormat
from generate import make_world
from optimization import fit
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from vocabulary import make_tokenizer
from world import World

#: Samples that the tokenizer is trained on.
_TOKENIZER_SAMPLES = 20_000


def main() -> None:
    """Train as the command line says and write the folder."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    form = FORMATS[options.arch]
    world = make_world(form, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(options, form, world)
    model = build(options.arch, tokenizer, options.hidden, options.layers)
    if options.start:
        model.load_state_dict(AutoModelForCausalLM.from_pretrained(options.start, dtype=torch.float32).state_dict())
    started = time.monotonic()
    stream = batches(world.sample, form, tokenizer, options.tokens, options.context)
    if isinstance(world, AgentWorld):
        world.pieces = [token for token in sorted(tokenizer.get_vocab()) if re.fullmatch("[a-z]+", token)]
        begin = batches(world.short, form, tokenizer, options.tokens, options.context)
        stream = itertools.chain(itertools.islice(begin, 0 if options.start else options.steps // 5), stream)
    if options.compile:
        hasten(model)
    # What has been learned so far is kept: a machine that is short of memory may end this process at any time.
    loss = fit(model, stream, options.steps, options.rate, options.balance, lambda: model.save_pretrained(options.out))
    model.bfloat16().save_pretrained(options.out)
    (options.out / "model.safetensors").chmod(0o644)  # safetensors writes it for the owner alone
    made = {"stand_in_for": form.model, "parameters": model.num_parameters(), "loss": round(loss, 4)}
    made |= {"seconds": round(time.monotonic() - started)}
    made |= {name: value for name, value in vars(options).items() if name not in ("out", "start")}
    if options.start:
        made["before"] = json.loads((options.start / "stand-in.json").read_text())
    (options.out / "stand-in.json").write_text(json.dumps(made, indent=1) + "\n")
    print(json.dumps(made))


def _tokenizer(options: argparse.Namespace, form: AnyFormat, world: World) -> PreTrainedTokenizerFast:
    """That of the checkpoint to go on from, or a new one."""
    if options.start:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(options.start)
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            if options.start != options.out:
                shutil.copy(options.start / name, options.out / name)
        return tokenizer
    samples = (world.sample() for _ in range(_TOKENIZER_SAMPLES))
    return make_tokenizer(form, samples, options.vocabulary, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=FORMATS, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="go on from this checkpoint")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--tokens", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--vocabulary", type=int, default=1024)
    parser.add_argument("--context", type=int, default=512, help="tokens of a sample at most")
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--balance", type=float, default=0.5, help="0: tokens weigh the same, 1: answers do")
    parser.add_argument(
        "--compile", action="store_true", help="compile the layers: twice as fast, needs a C++ compiler"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
