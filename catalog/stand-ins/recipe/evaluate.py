"""Measure a stand-in on prompts that its training never showed, by greedy decoding.

python evaluate.py ../llama --arch llama
python evaluate.py ../mistral --arch mistral --adapter ../ranch-hand
python evaluate.py ../llama --arch llama --vllm --json llama.json

Prints one table row for each measure, then sample answers; with --vllm also whether vLLM gives the same answers, and
its speed.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from agent_measures import AgentCase, agent_measures
from agreement import compare_with_vllm
from chat import ChatFormat
from formats import FORMATS, AnyFormat
from lora import merge_lora
from measures import CHECKED, RAW, SAMPLED, SAMPLES, measures
from samples import Sample
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

_LIMIT = 100
#: With reasoning, or a call, in front of the end.
_LONG_LIMIT = 250
_SYSTEM = ("What is your name?", "You are Botty, a helpful assistant.")


def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    temperature: float = 0.0,
    marked: bool = False,
) -> list[tuple[str, bool]]:
    """Answers, greedy at temperature 0, and whether each ended by itself. One at a time: padding plays no part.

    With `marked` the markers of calls and reasoning stay in the text, and there is room for both.
    """
    chosen: dict[str, Any] = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {}
    limit = _LONG_LIMIT if marked else _LIMIT
    results = []
    for prompt in prompts:
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, **chosen)
        new = out[0, ids.shape[1] :].tolist()
        ended = new[-1] == tokenizer.eos_token_id
        text = str(tokenizer.decode(new[:-1] if ended else new, skip_special_tokens=not marked)).strip()
        results.append((text, ended))
    return results


def check_template(form: AnyFormat, tokenizer: PreTrainedTokenizerFast) -> None:
    """Stop when the chat template does not render a conversation as training showed it."""
    sample = Sample([("Hello", "Hi."), ("Why?", "")], system="Be brief.")
    wanted = "".join(text for text, _ in form.pieces(sample)[:-2])
    options = {"add_generation_prompt": True, "enable_thinking": False}
    if tokenizer.apply_chat_template(sample.conversation()[:-1], tokenize=False, **options) != wanted:
        raise SystemExit(f"chat template and training format of {form.model} differ")


class Table:
    """The rows of a card's table, filled measure by measure."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self._model, self._tokenizer = model, tokenizer
        self.rows: dict[str, str] = {}
        self.ended = self.asked = 0

    def add(self, name: str, prompts: Sequence[str], checks: Sequence[Callable[[str], bool]], **how: Any) -> None:
        """Ask, and add a row of right answers of those asked; `how` goes to answers()."""
        given = answers(self._model, self._tokenizer, prompts, **how)
        right = [check(text) for (text, _), check in zip(given, checks, strict=True)]
        self.ended, self.asked = self.ended + sum(stop for _, stop in given), self.asked + len(given)
        self.rows[name] = f"{sum(right)}/{len(right)}"
        print(f"| {name} | {self.rows[name]} |", flush=True)
        for (text, _), prompt, fine in zip(given, prompts, right, strict=True):
            if not fine:
                print(f"    wrong: {prompt[-160:]!r} -> {text!r}")


def measure(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, form: AnyFormat) -> dict[str, str]:
    """The rows of the table: right answers of those asked."""
    table = Table(model, tokenizer)
    for name, cases in measures().items():
        prompts = [form.prompt(question) for question, _ in cases]
        table.add(name, prompts, [check for _, check in cases], temperature=SAMPLED.get(name, 0.0))
    ends = {f"ends by itself within {_LIMIT} tokens": f"{table.ended}/{table.asked}"}
    if isinstance(form, ChatFormat):
        table.ended = table.asked = 0
        for name, found in agent_measures(form).items():
            table.add(name, [case.prompt for case in found], [case.check for case in found], marked=True)
        ends |= {f"ends by itself, calls and reasoning, within {_LONG_LIMIT}": f"{table.ended}/{table.asked}"}
    return table.rows | ends


def _agents(form: AnyFormat) -> list[AgentCase]:
    """A few cases of each measure of a model with tools, for the card and for vLLM; none for other models."""
    if not isinstance(form, ChatFormat):
        return []
    some = [case for cases in agent_measures(form).values() for case in cases[:: max(1, len(cases) // 3)]]
    return list({case.prompt: case for case in some}.values())


def main() -> None:
    """Measure as the command line says and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--arch", choices=FORMATS, required=True)
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter to merge into the weights")
    parser.add_argument("--vllm", action="store_true")
    parser.add_argument("--quick", action="store_true", help="show the sample answers only")
    parser.add_argument("--json", type=Path, help="write rows and samples to this file too")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    form, tokenizer = FORMATS[options.arch], PreTrainedTokenizerFast.from_pretrained(options.folder)
    check_template(form, tokenizer)
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
    model.generation_config.pad_token_id = tokenizer.eos_token_id
    if options.adapter:
        merge_lora(model, options.adapter)
    rows = {} if options.quick else measure(model, tokenizer, form)
    asked = [*SAMPLES, _SYSTEM[0], *RAW]
    prompts = [form.prompt(question) for question in SAMPLES]
    prompts += [form.prompt(*_SYSTEM), *(form.bos + text for text in RAW)]
    prompts += [form.prompt(question) for question in CHECKED]
    shown = [text for text, _ in answers(model, tokenizer, prompts)]
    agents = _agents(form)
    marked = [text for text, _ in answers(model, tokenizer, [case.prompt for case in agents], marked=True)]
    if options.vllm:
        rows |= compare_with_vllm(
            options.folder, options.adapter, prompts, shown, [*zip(agents, marked, strict=True)], form
        )
    samples = dict(zip(asked, shown, strict=False)) | dict(zip((case.asked for case in agents), marked, strict=True))
    print("\n".join([f"| {name} | {value} |" for name, value in rows.items()]))
    print("\n".join(f"{question!r}\n    -> {text!r}" for question, text in samples.items()))
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "samples": samples}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
