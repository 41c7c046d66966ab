"""Translation and summarization, over an engine that makes texts up."""

import asyncio

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.engines.work import Rewriting
from paddock.bindings.errors import InputError

BART = "@cf/facebook/bart-large-cnn"
M2M = "@cf/meta/m2m100-1.2b"


def run(make_service, model: str, engine: ScriptedEngine | None = None, **inputs: object) -> object:
    return asyncio.run(make_service(engine or ScriptedEngine()).run(model, inputs, [])).output


def test_a_summary_is_under_its_name_and_no_longer_than_asked(make_service) -> None:
    assert run(make_service, BART, input_text="one two three", max_length=2) == {"summary": "one two"}


def test_a_summary_has_1024_tokens_unless_told_otherwise(make_service) -> None:
    engine = ScriptedEngine()
    run(make_service, BART, engine, input_text="one")
    assert engine.requests[0].work == Rewriting("one", max_tokens=1024)


@pytest.mark.parametrize("max_length", [0, -1, "many"])
def test_a_length_that_is_none_is_refused(make_service, max_length: object) -> None:
    with pytest.raises(InputError):
        run(make_service, BART, input_text="one", max_length=max_length)


@pytest.mark.parametrize(("source", "wanted"), [({}, "en"), ({"source_lang": "fr"}, "fr")])
def test_a_translation_is_under_its_name_and_from_english_unless_told_otherwise(make_service, source, wanted) -> None:
    engine = ScriptedEngine()
    answer = run(make_service, M2M, engine, text="one two", target_lang="de", **source)
    assert answer == {"translated_text": "de one two"}
    assert engine.requests[0].work == Rewriting("one two", source=wanted, target="de")
