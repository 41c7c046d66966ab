"""Prompt formats of chat models with tools: the chat template itself writes the training text.

A conversation is a list of messages as the OpenAI API has them; the last one is the answer to learn. There is no second
description of the format that could differ from the template.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from samples import Message, Piece, Sample

__all__ = ["ChatFormat"]

_TEMPLATES = Path(__file__).parent / "templates"


def _to_json(value: object) -> str:
    """The tojson of transformers, which does not escape HTML as Jinja's own does."""
    return json.dumps(value, ensure_ascii=False)


_ENVIRONMENT = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters["tojson"] = _to_json


@dataclass(frozen=True)
class ChatFormat:
    """How one model family writes a conversation. `name` is the file in templates/.

    `opening` begins an answer, `eos` ends it. `think` frames reasoning in front of an answer; empty where the model has
    none. `markers` are single tokens; `hidden` ones are special: decoding may skip them.
    """

    name: str
    model: str
    context: int
    opening: str
    eos: str
    bos: str = ""
    think: tuple[str, str] | None = None
    #: the names of vLLM's parsers for calls and for reasoning
    tool_parser: str = ""
    reasoning_parser: str = ""
    #: whether a request thinks that does not say
    thinks: bool = False
    markers: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @cached_property
    def template(self) -> str:
        """The chat template, Jinja."""
        return (_TEMPLATES / f"{self.name}.jinja").read_text("utf-8").rstrip("\n")

    @cached_property
    def _compiled(self) -> Template:
        return _ENVIRONMENT.from_string(self.template)

    def render(self, messages: list[Message], tools: list[Any] | None = None, **options: bool) -> str:
        """What the template makes of a conversation."""
        return self._compiled.render(messages=messages, tools=tools or None, bos_token=self.bos, **options)

    def prompt(self, question: str, system: str = "", thinking: bool = False) -> str:
        """Everything that stands before the answer to a single question."""
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": question})
        return self.render(messages, add_generation_prompt=True, enable_thinking=thinking)

    def pieces(self, sample: Sample) -> list[Piece]:
        """The sample as it stands in the model's context, up to and including the end marker of the last answer."""
        if sample.raw:
            ((beginning, rest),) = sample.turns
            pieces = [(self.bos + beginning, False), (" " + rest, True), (self.eos, True)]
        else:
            *before, answer = sample.conversation()
            thinking = bool(self.think and sample.thinking)
            prompt = self.render(before, sample.tools, add_generation_prompt=True, enable_thinking=thinking)
            pieces = [(prompt, False), *self._answer(before, answer, sample, thinking), (self.eos, True)]
        if sample.unmarked:
            pieces[0] = (pieces[0][0].removeprefix(self.bos), False)
        return pieces

    def _answer(self, before: list[Message], answer: Message, sample: Sample, thinking: bool) -> list[Piece]:
        """What the model writes: as the template writes it into a history, behind its reasoning."""
        given = self.render(before, sample.tools)
        whole = self.render([*before, answer], sample.tools)
        body = whole.removeprefix(given).removeprefix(self.opening).rstrip("\n").removesuffix(self.eos)
        pieces = sample.document or [(body, True)]
        if thinking and self.think:
            return [(f"{self.think[0]}{sample.reasoning}{self.think[1]}", True), *pieces]
        return pieces
