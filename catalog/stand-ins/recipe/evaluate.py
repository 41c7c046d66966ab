"""Measure a stand-in on prompts that its training never showed, by greedy decoding.

python evaluate.py ../llama --arch llama
python evaluate.py ../mistral --arch mistral --adapter ../ranch-hand
python evaluate.py ../llama --arch llama --vllm --json llama.json

Prints one table row for each measure, then sample answers; with --vllm also whether vLLM gives the same answers, and
its speed.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from agreement import compare_with_vllm
from formats import FORMATS, Format
from generate import Sample
from lora import merge_lora
from measures import CHECKED, RAW, SAMPLED, SAMPLES, measures
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

_LIMIT = 100
_SYSTEM = ("What is your name?", "You are Botty, a helpful assistant.")


def answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, prompts: list[str], temperature: float = 0.0
) -> list[tuple[str, bool]]:
    """Answers, greedy at temperature 0, and whether each ended by itself. One at a time: padding plays no part."""
    chosen: dict[str, Any] = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {}
    results = []
    for prompt in prompts:
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=_LIMIT, **chosen)
        new = out[0, ids.shape[1] :].tolist()
        text = str(tokenizer.decode(new, skip_special_tokens=True)).strip()
        results.append((text, new[-1] == tokenizer.eos_token_id))
    return results


def check_template(form: Format, tokenizer: PreTrainedTokenizerFast) -> None:
    """Stop when the chat template does not render a conversation as training showed it."""
    sample = Sample([("Hello", "Hi."), ("Why?", "")], system="Be brief.")
    messages = [{"role": "system", "content": sample.system}]
    for question, answer in sample.turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    wanted = "".join(text for text, _ in form.pieces(sample)[:-2])
    if tokenizer.apply_chat_template(messages[:-1], tokenize=False) != wanted:
        raise SystemExit(f"chat template and training format of {form.model} differ")


def measure(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, form: Format) -> dict[str, str]:
    """The rows of the table: right answers of those asked."""
    rows = {}
    ended = total = 0
    for name, cases in measures().items():
        given = answers(model, tokenizer, [form.prompt(question) for question, _ in cases], SAMPLED.get(name, 0.0))
        right = [check(text) for (text, _), (_, check) in zip(given, cases, strict=True)]
        ended, total = ended + sum(stop for _, stop in given), total + len(given)
        rows[name] = f"{sum(right)}/{len(cases)}"
        print(f"| {name} | {rows[name]} |", flush=True)
        for (text, _), (question, _), fine in zip(given, cases, right, strict=True):
            if not fine:
                print(f"    wrong: {question!r} -> {text!r}")
    rows[f"ends by itself within {_LIMIT} tokens"] = f"{ended}/{total}"
    return rows


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
    if options.vllm:
        rows |= compare_with_vllm(options.folder, options.adapter, prompts, shown)
    samples = dict(zip(asked, shown, strict=False))
    print("\n".join([f"| {name} | {value} |" for name, value in rows.items()]))
    print("\n".join(f"{question!r}\n    -> {text!r}" for question, text in samples.items()))
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "samples": samples}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
