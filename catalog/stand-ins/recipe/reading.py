"""What a chat model wrote: its reasoning, its tool calls, its text. Strict, so that a sloppy answer counts as wrong."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from chat import ChatFormat

__all__ = ["Answer", "read"]

_GEMMA_CALL = re.compile(r"<\|tool_call>call:([^{]+)\{(.*?)\}<tool_call\|>", re.DOTALL)
_GEMMA_PAIR = re.compile(r'([^:,]+):(?:<\|"\|>(.*?)<\|"\|>|(\[.*?\]|[^,]+))(?:,|$)', re.DOTALL)
_QWEN_CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)


@dataclass
class Answer:
    """An answer in its parts; `reasoning` is None where there was none."""

    text: str
    reasoning: str | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def read(form: ChatFormat, written: str) -> Answer:
    """Take apart what stands between the prompt and the end marker. Raises ValueError or KeyError for broken calls."""
    reasoning = None
    if form.think and written.startswith(form.think[0]):
        reasoning, closed, written = written.removeprefix(form.think[0]).partition(form.think[1])
        if not closed:
            return Answer("", reasoning=None)
    match form.name:
        case "qwen3":
            found = [json.loads(text) for text in _QWEN_CALL.findall(written)]
            calls = [(call["name"], call["arguments"]) for call in found]
            text = _QWEN_CALL.sub("", written)
        case "gemma4":
            calls = [(name, _gemma_arguments(inside)) for name, inside in _GEMMA_CALL.findall(written)]
            text = _GEMMA_CALL.sub("", written)
        case _:
            calls = _json_calls(written) if written.startswith('{"name": ') else []
            text = "" if calls else written
    return Answer(text.strip(), reasoning, calls)


def _json_calls(written: str) -> list[tuple[str, dict[str, Any]]]:
    decoder, calls, at = json.JSONDecoder(), [], 0
    while at < len(written):
        call, end = decoder.raw_decode(written[at:])
        calls.append((call["name"], call["parameters"]))
        at += end + len("; ")
    return calls


def _gemma_arguments(inside: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for key, text, bare in _GEMMA_PAIR.findall(inside):
        arguments[key] = json.loads(bare.replace('<|"|>', '"')) if bare else text
    return arguments
