"""What `paddock ai run` makes of its words: inputs of a model, by that model's own schema.

Which input the words are, whether there may be several, and what is missing, the schema says: no model and no task is
named here, so that a model file that a project adds is asked like any other.
"""

from __future__ import annotations

import base64
import mimetypes
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.cli.arguments import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard

__all__ = ["Asking", "given_inputs"]

#: Inputs that the words can be; the first that a model declares.
_TEXTS: Final = ("text", "input_text", "prompt")
#: Inputs that are a file, in whichever form a model takes it; the first that a model declares.
_FILES: Final = ("audio", "image")
_CHOICES: Final = ("oneOf", "anyOf", "allOf")


class Asking:
    """How a model is asked on a command line."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card

    @cached_property
    def is_chat(self) -> bool:
        """The words are a message."""
        return self._card.declares_input("messages")

    @cached_property
    def text(self) -> str | None:
        """The input that the words are; None where the model reads no text of a caller's."""
        return next((name for name in _TEXTS if self._card.declares_input(name)), None)

    @cached_property
    def file(self) -> str | None:
        """The input that is a file; None where the model takes none."""
        return next((name for name in _FILES if self._card.declares_input(name) and self._holds_bytes(name)), None)

    @cached_property
    def takes_parts(self) -> bool:
        """A message may have parts that are pictures. Of blind models too, which refuse them: see `ModelCard.sees`."""
        return self.is_chat and "image_url" in self._card.input_properties

    def of_words(self, words: Sequence[str], system: str | None, picture: Path | None = None) -> dict[str, Any]:
        """The inputs that these words are: a message, texts, a query and its contexts, or the name of a file.

        `picture` is part of the message, where there is one.
        """
        if system is not None and not (self.is_chat and words):
            raise UsageError(f"--system: expected a model that takes messages, and a prompt; {self._declared()}")
        if picture is not None and not words:
            raise UsageError("--file: expected a prompt beside it, whose message it is a part of")
        if not words:
            return {}
        if self.is_chat:
            messages = [{"role": "system", "content": system}] if system else []
            content = _beside(picture, self._one(words)) if picture else self._one(words)
            return {"messages": [*messages, {"role": "user", "content": content}]}
        if self.text is None and self._card.declares_input("contexts"):
            query, *contexts = _each(words)
            return {"query": query, **({"contexts": [{"text": text} for text in contexts]} if contexts else {})}
        if self.text is not None and _takes(self._card.input_properties[self.text], "array"):
            return {self.text: _each(words)}
        if self.text is not None:
            return {self.text: self._one(words)}
        if self.file is not None:
            return {self.file: Path(self._one(words)).read_bytes()}
        raise UsageError(f"PROMPT: expected inputs by name (--input NAME=VALUE); {self._declared()}")

    def of_file(self, path: Path) -> dict[str, Any]:
        """The input that is this file. Raises UsageError for a model that takes none, OSError for no file."""
        if self.file is None:
            raise UsageError(f"--file: {self._declared()}, and none of them is a file")
        return {self.file: path.read_bytes()}

    def of_pair(self, pair: str) -> dict[str, Any]:
        """The input `NAME=VALUE`: text as it is where the model declares text, JSON otherwise."""
        import msgspec

        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--input: expected NAME=VALUE; got {pair}")
        shape = self._card.input_properties.get(name, {})
        if _takes(shape, "string"):
            return {name: value}
        try:
            return {name: msgspec.json.decode(value)}
        except msgspec.DecodeError as error:
            if shape:
                kind = shape.get("type", "JSON")
                raise UsageError(f"--input {name}: expected {kind}, written as JSON; got {value}") from error
            return {name: value}  # not declared, so nothing says what it should be

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Raises UsageError that names what the model needs and has not been given."""
        forms = [form for form in _branches(self._card.input_schema) if form.get("required")]
        lacking = [[name for name in form["required"] if name not in inputs] for form in forms]
        fewest = min(lacking, key=lambda names: (len(names), self.text not in names), default=[])
        if fewest:
            raise UsageError(f"{self._card.name} needs {'; and '.join(map(self._how, fewest))}")

    def encoded(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs as JSON takes them: bytes in base64 where the model declares text, else as numbers."""
        return {
            name: self._as_json(name, value) if isinstance(value, bytes) else value for name, value in inputs.items()
        }

    def _holds_bytes(self, name: str) -> bool:
        """OpenAI's `audio`, which newer text models have, is a table of how they are to speak."""
        shape = self._card.input_properties[name]
        return _takes(shape, "array") or _takes(shape, "string")

    def _as_json(self, name: str, content: bytes) -> str | list[int]:
        if _takes(self._card.input_properties[name], "string"):
            return base64.b64encode(content).decode()
        return list(content)

    def _one(self, words: Sequence[str]) -> str:
        if len(words) > 1:
            raise UsageError(f"PROMPT: {self._card.name} reads one text at a time; got {len(words)} (quotes missing?)")
        return sys.stdin.read() if words[0] == "-" else words[0]

    def _declared(self) -> str:
        names = [name for name in self._card.input_properties if self._card.declares_input(name)]
        return f"{self._card.name} takes {', '.join(names) or 'inputs that its file does not tell'}"

    def _how(self, name: str) -> str:
        meaning = self._card.input_properties.get(name, {}).get("description")
        if name == self.file:
            place = "--file PATH"
        elif name in ("query", "contexts") and self.text is None:
            place = "the query, then each context, as PROMPT"
        elif name == self.text:
            place = "as PROMPT"
        else:
            place = f"--input {name}=VALUE"
        return f"{name}{f' ({meaning})' if meaning else ''}: {place}"


def given_inputs(source: str) -> dict[str, Any]:
    """The inputs in a JSON file, or of standard input for `-`. Raises UsageError for what is no object."""
    import msgspec

    text = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(f"--inputs {source}: expected a JSON object of inputs; {error}") from error


def _beside(picture: Path, text: str) -> list[dict[str, Any]]:
    kind = mimetypes.guess_type(picture.name)[0] or "application/octet-stream"
    url = f"data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"
    return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]


def _each(words: Sequence[str]) -> list[str]:
    """The words, with the lines of standard input in the place of `-`."""
    read = [line for line in sys.stdin.read().splitlines() if line.strip()] if "-" in words else []
    return [text for word in words for text in (read if word == "-" else [word])]


def _takes(shape: object, kind: str) -> bool:
    """True when a branch of a property's schema is of this type."""
    return any(branch.get("type") == kind for branch in _branches(shape))


def _branches(schema: object) -> list[dict[str, Any]]:
    if not isinstance(schema, dict):
        return []
    options = [option for choice in _CHOICES for option in schema.get(choice, ())]
    return [schema, *(branch for option in options for branch in _branches(option))]
