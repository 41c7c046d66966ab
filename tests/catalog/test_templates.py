"""The chat templates of the model files: the documented formats, and nothing that was sent is lost."""

from typing import Any

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog

sandbox = pytest.importorskip("jinja2.sandbox", reason="jinja2 comes with the engine extra")

_CATALOG = Catalog.read([SHIPPED_CATALOG])
_TOKENS = {"phi": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}}
_BRACKETS = {"bos_token": "<s>", "eos_token": "</s>"}


def _turns(*turns: str) -> list[dict[str, str]]:
    """`role: content`; a bare text is a user's."""
    pairs = [turn.split(": ", 1) if ": " in turn else ["user", turn] for turn in turns]
    return [{"role": role, "content": content} for role, content in pairs]


_CONVERSATIONS: dict[str, list[dict[str, str]]] = {
    "question": _turns("Q"),
    "system": _turns("system: S", "Q"),
    "empty system": _turns("system: ", "Q"),
    "turns": _turns("system: S", "Q", "assistant: A", "R"),
    "two users": _turns("Q", "R"),
    "ends with an answer": _turns("Q", "assistant: A"),
}


def _render(template: str, stand_in: str, messages: list[dict[str, str]]) -> str:
    # As transformers and vLLM compile templates.
    environment: Any = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    tokens = _TOKENS.get(stand_in, _BRACKETS)
    return str(environment.from_string(template).render(messages=messages, add_generation_prompt=True, **tokens))


def _prompt(stand_in: str, *turns: str) -> str:
    card = next(card.paddock for card in _CATALOG if card.paddock and card.paddock.stand_in == stand_in)
    return _render(card.chat_template or "", stand_in, _turns(*turns))


@pytest.mark.parametrize(
    ("stand_in", "prompt"),
    [
        ("phi", "S\nInstruct: Q\nOutput: A\nInstruct: R\nOutput:"),
        ("llama", "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nQ [/INST] A</s><s>[INST] R [/INST]"),
        ("mistral", "<s>[INST] S\n\nQ [/INST] A</s>[INST] R [/INST]"),
    ],
)
def test_documented_format(stand_in: str, prompt: str) -> None:
    assert _prompt(stand_in, "system: S", "Q", "assistant: A", "R") == prompt


@pytest.mark.parametrize(
    ("stand_in", "prompt"),
    [("phi", "Instruct: Q\nOutput:"), ("llama", "<s>[INST] Q [/INST]"), ("mistral", "<s>[INST] Q [/INST]")],
)
def test_one_question(stand_in: str, prompt: str) -> None:
    """WA-043: `prompt` becomes one user message"""
    assert _prompt(stand_in, "Q") == prompt


@pytest.mark.parametrize("stand_in", ["phi", "llama", "mistral"])
@pytest.mark.parametrize("name", _CONVERSATIONS)
def test_equals_the_template_that_the_stand_in_was_trained_with(stand_in: str, name: str) -> None:
    trained = (SHIPPED_CATALOG / "stand-ins" / stand_in / "chat_template.jinja").read_text(encoding="utf-8")
    card = next(card.paddock for card in _CATALOG if card.paddock and card.paddock.stand_in == stand_in)
    messages = _CONVERSATIONS[name]
    assert _render(card.chat_template or "", stand_in, messages) == _render(trained, stand_in, messages)


@pytest.mark.parametrize("stand_in", ["phi", "llama", "mistral"])
@pytest.mark.parametrize(
    "turns",
    [
        ("Q", "assistant: A", "tool: T"),
        ("Q", "system: T", "assistant: A"),
        ("system: S", "system: T", "Q"),
        ("system: T",),
        ("system: T", "assistant: A"),
        ("developer: T", "Q"),
    ],
)
def test_no_message_is_lost(stand_in: str, turns: tuple[str, ...]) -> None:
    """Tool results and system messages in odd places are written as user turns."""
    prompt = _prompt(stand_in, *turns)
    opening = "Instruct: " if stand_in == "phi" else "[INST] "
    assert f"{opening}T" in prompt or f"{opening}<<SYS>>\nS\n<</SYS>>\n\nT" in prompt or f"{opening}S\n\nT" in prompt
    for turn in _turns(*turns):
        assert turn["content"] in prompt


@pytest.mark.parametrize("stand_in", ["phi", "llama", "mistral"])
def test_text_is_written_as_it_was_sent(stand_in: str) -> None:
    assert "  {{ x }}\n\n<b>  " in _prompt(stand_in, "  {{ x }}\n\n<b>  ")
