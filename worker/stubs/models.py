"""The models of a catalog as stubs: overloads of `AI.run` by the model's id, with and without `stream`.

Inputs are TypedDicts, as a handler writes them down as dictionaries. Answers are classes, since a handler reads
`answer.response` as well as `answer["response"]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from paddock.worker.stubs.schemas import Answers, Inputs, branches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paddock.bindings.ai.card import ModelCard

__all__ = ["model_stubs"]

_STREAMED: Final = "text/event-stream"


def model_stubs(cards: Iterable[ModelCard], adapters: Mapping[str, Iterable[str]]) -> str:
    """The types of every model, and the class `Ai` with one or two overloads for each.

    `adapters`: model id -> names that the configuration has for its input `lora`.
    """
    types: list[str] = []
    runs: list[str] = []
    for card in sorted(cards, key=lambda card: card.name):
        name = _class_name(card.name)
        answers, streams = _answers(card, name, types)
        for inputs, is_streamed in _inputs(card, name, types, sorted(adapters.get(card.name, ()))):
            result = "ReadableStream" if is_streamed and streams else answers
            runs.append(_run(f'Literal["{card.name}"]', inputs, "RunOptions | None = ...", result))
    runs.append(_run("str", "Any", "RawRunOptions", "Response"))
    overload = "    @overload\n" if len(runs) > 1 else ""
    return "\n".join([*types, "class Ai(AiMembers):", *(overload + run for run in runs)])


def _run(model: str, inputs: str, options: str, result: str) -> str:
    return f"    async def run(self, model: {model}, inputs: {inputs}, options: {options}) -> {result}: ..."


def _inputs(card: ModelCard, name: str, types: list[str], adapters: list[str]) -> list[tuple[str, bool]]:
    """The type of the inputs of a whole answer, and that of a stream's, if the model has one."""
    if card.input_schema is None:
        return [("dict[str, Any]", False)]
    converter = Inputs(types)
    whole, streamed = [], []
    for number, branch in enumerate(branches(card.input_schema), 1):
        base = f"{name}{_title(branch, number)}Inputs"
        properties = dict(branch["properties"])
        if adapters and "lora" in properties:
            properties["lora"] = _known_or_any(adapters)
        if properties.pop("stream", None) is None:
            whole.append(converter.table(base, {**branch, "properties": properties}))
            continue
        converter.table(f"_{base}", {**branch, "properties": properties}, inner=base)
        types.append(f"class {base}(_{base}, total=False):\n    stream: Literal[False]\n")
        types.append(f"class {base}Streamed(_{base}):\n    stream: Literal[True]\n")
        whole.append(base)
        streamed.append(f"{base}Streamed")
    types.append(f"{name}Inputs = {' | '.join(whole)}\n")
    found = [(f"{name}Inputs", False)]
    if streamed:
        types.append(f"{name}InputsStreamed = {' | '.join(streamed)}\n")
        found.append((f"{name}InputsStreamed", True))
    return found


def _known_or_any(names: list[str]) -> dict[str, object]:
    """Any text, of which editors offer the known ones. A name that was not known here may be uploaded while the handler
    runs, be an id, or be one of Cloudflare's own adapters, so a type of the known ones alone would refuse what works.
    """
    return {"anyOf": [{"enum": names}, {"type": "string"}]}


def _answers(card: ModelCard, name: str, types: list[str]) -> tuple[str, bool]:
    """The type of a whole answer, and whether the model streams."""
    schema = card.output_schema
    if schema is None:
        return "Any", True
    options = schema.get("oneOf")
    shapes = [shape for shape in options if isinstance(shape, dict)] if isinstance(options, list) else [schema]
    streams = any(shape.get("contentType") == _STREAMED for shape in shapes)
    # Of several shapes the first is that of an ordinary call; the others are those of streams and batches.
    whole = next((shape for shape in shapes if shape.get("contentType") != _STREAMED), {})
    return Answers(types).named(f"{name}Answer", whole), streams


def _title(branch: dict[str, object], number: int) -> str:
    """What tells a branch of the inputs: its title, else its first required key, else its number."""
    required = branch.get("required")
    first = required[0] if isinstance(required, list) and required else number
    return _class_name(str(branch.get("title") or first))


def _class_name(text: str) -> str:
    """`@cf/microsoft/phi-2` -> `Phi2`."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text.rpartition("/")[2]))
