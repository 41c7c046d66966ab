"""OpenAI's request bodies as inputs that a model's own schema can check.

Clients send null for what they leave out, content as parts where there is only text, and options of OpenAI's that have
no meaning here. What would change the answer and cannot be honoured is refused with the reason, by this module or by
the task. Source: OpenAI's API reference; issue threads of real clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["chat_inputs", "completion_inputs", "embedding_inputs"]

#: Options of completions that ask for another text than the one that follows the prompt.
_REFUSED: Final = {
    "echo": "the prompt is not part of the answer here",
    "suffix": "no model here fills text in before a suffix",
}


def chat_inputs(body: Mapping[str, object]) -> dict[str, object]:
    """The inputs of `/chat/completions`."""
    inputs = _given(body)
    messages = inputs.get("messages")
    if isinstance(messages, list):
        inputs["messages"] = [_message(message) for message in messages]
    return inputs


def embedding_inputs(body: Mapping[str, object]) -> dict[str, object]:
    """The inputs of `/embeddings`: OpenAI's `input` is the `text` of every embedding model here.

    Raises OptionUnsupported for tokens in place of texts: those of OpenAI's tokenizer mean nothing to these models.
    """
    inputs = _given(body)
    text = inputs.pop("input", None)
    items = text if isinstance(text, list) else []
    if any(isinstance(item, int | list) and not isinstance(item, bool) for item in items):
        raise OptionUnsupported(
            "input: expected a text or a list of texts; got tokens, which differ from model to model"
        )
    return inputs if text is None else inputs | {"text": text}


def completion_inputs(body: Mapping[str, object]) -> dict[str, object]:
    """The inputs of `/completions`. Raises OptionUnsupported for several prompts at once."""
    inputs = _given(body)
    for name, reason in _REFUSED.items():
        if inputs.get(name):
            raise OptionUnsupported(f"{name}: {reason}; leave it out")
    best_of, wanted = inputs.get("best_of", 1), inputs.get("n", 1)
    if best_of != wanted and best_of != 1:
        raise OptionUnsupported(f"best_of: expected nothing, or as many as n ({wanted}); got {best_of}")
    prompt = inputs.get("prompt")
    if isinstance(prompt, list):
        if len(prompt) != 1 or not isinstance(prompt[0], str):
            raise OptionUnsupported("prompt: expected one text; got several, or token ids: send one request per text")
        inputs["prompt"] = prompt[0]
    return inputs


def _given(body: Mapping[str, object]) -> dict[str, object]:
    """The body without the model, without nulls, which stand for what is left out, and without mere defaults."""
    inputs = {name: value for name, value in body.items() if value is not None and name != "model"}
    if inputs.get("response_format") == {"type": "text"}:
        del inputs["response_format"]
    return inputs


def _message(message: object) -> object:
    """One message in the form that every schema stage takes: `content` is text wherever all of it is text."""
    if not isinstance(message, dict):
        return message
    made = dict(message)
    if made.get("role") == "developer":
        made["role"] = "system"  # OpenAI's newer name for it; templates know the older one
    content = made.get("content")
    if content is None and made.get("tool_calls"):
        made["content"] = ""
    elif isinstance(content, list) and all(_is_text(part) for part in content):
        made["content"] = "".join(part["text"] for part in content)
    return made


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
