"""`paddock ai run` with a model of every task: what it sends, what it prints, and what it says is missing."""

import base64
import io
import json
from pathlib import Path

import pytest

from paddock.bindings.ai.engines.scripted import Call, ScriptedEngine, Thought
from paddock.bindings.ai.engines.work import Describing, Listening, Pooling, Rewriting
from paddock.bindings.errors import EngineDead
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

PHI = "@cf/microsoft/phi-2"
BGE = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
SENTIMENT = "@cf/huggingface/distilbert-sst-2-int8"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
WHISPER = "@cf/openai/whisper"
TURBO = "@cf/openai/whisper-large-v3-turbo"
LLAVA = "@cf/llava-hf/llava-1.5-7b-hf"
TRANSLATOR = "@cf/meta/m2m100-1.2b"
SOUND = bytes(range(256)) * 8
#: The smallest PNG: one grey pixel.
DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2ySyjQAAAABJRU5ErkJggg==")


@pytest.fixture
def sound(tmp_path: Path) -> str:
    file = tmp_path / "recording.wav"
    file.write_bytes(SOUND)
    return str(file)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    """`typed(text)`: what stands on standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_command_prints_an_answer_and_what_the_model_thinks(command, capsys) -> None:
    engine = ScriptedEngine([[Thought("hm"), "one", " two", Call("time", {})]])
    assert command(engine, ["run", PHI, "Hello", "--system", "Be brief.", "--temperature", "0"]) == [0]
    assert capsys.readouterr() == ("one two\ntime({})\n", "hm\n")
    (request,) = engine.requests
    assert [message.content for message in request.messages or ()] == ["Be brief.", "Hello"]
    assert request.sampling.temperature == 0


@pytest.mark.parametrize("model", [LLAMA, GEMMA])
def test_calls_of_tools_stand_below_the_text(command, capsys, model: str) -> None:
    about = {"name": "time", "description": "Tells it.", "parameters": {"type": "object", "properties": {}}}
    tools = "tools=" + json.dumps([{"type": "function", "function": about}])
    replies = [[Thought("hm"), "I look.", Call("time", {"city": "Rome"}), Call("time", {})], [Call("time", {})]]
    asked = ["run", model, "Hello", "--input", tools]
    assert command(ScriptedEngine(replies), asked, asked) == [0, 0]
    assert capsys.readouterr() == ('I look.\ntime({"city":"Rome"})\ntime({})\ntime({})\n', "hm\n")


def test_each_of_several_answers_has_a_line_of_its_own(command, capsys) -> None:
    replies = [[Thought("a"), "one"], [Thought("b"), "two"]]
    assert command(ScriptedEngine(replies), ["run", GEMMA, "Hello", "--input", "n=2"]) == [0]
    assert capsys.readouterr() == ("one\ntwo\n", "a\nb\n")


def test_command_says_what_the_server_refused(command, capsys) -> None:
    assert command(ScriptedEngine(), ["run", PHI, "Hello", "--lora", "none"]) == [ExitCode.FAILURE]
    assert "does not support LoRa inference" in capsys.readouterr().err


def test_an_answer_that_breaks_off_is_a_message(command, capsys) -> None:
    engine = ScriptedEngine([["one", EngineDead("gone")]])
    assert command(engine, ["run", PHI, "Hello"]) == [ExitCode.FAILURE]
    out, error = capsys.readouterr()
    assert out == "one"
    assert "✘ [ERROR] The answer broke off. The server's log says why." in error


def test_embeddings_are_shown_by_their_shape_and_first_numbers(command, typed, capsys) -> None:
    typed("two\n\nthree\n")
    engine = ScriptedEngine()
    assert command(engine, ["run", BGE, "one", "-"], ["run", BGE, "one", "--json"]) == [0, 0]
    work = engine.requests[0].work
    assert isinstance(work, Pooling)
    assert work.texts == ("one", "two", "three")
    first, *rows = capsys.readouterr().out.splitlines()
    assert first == "shape [3, 384], pooling mean"
    answer = json.loads("\n".join(rows[3:]))
    assert (answer["shape"], len(answer["data"][0])) == ([1, 384], 384)
    assert rows[0] == "[" + ", ".join(f"{number:.4f}" for number in answer["data"][0][:4]) + ", ...]"


def test_a_reranker_gets_the_query_and_then_contexts(command, capsys) -> None:
    words = ["where is the sea", "ants live here", "the sea is there", "--input", "top_k=1"]
    assert command(ScriptedEngine(), ["run", RERANKER, *words]) == [0]
    score, _, context = capsys.readouterr().out.strip().partition("  ")
    assert context == "the sea is there"
    assert 0 < float(score) < 1


def test_a_classifier_shows_every_label(command, capsys) -> None:
    assert command(ScriptedEngine(), ["run", SENTIMENT, "I like it."]) == [0]
    shares = dict(reversed(line.split()) for line in capsys.readouterr().out.splitlines())
    assert shares.keys() == {"NEGATIVE", "POSITIVE"}
    assert sum(map(float, shares.values())) == pytest.approx(1, abs=2e-4)


@pytest.mark.parametrize("model", [WHISPER, TURBO])
def test_a_recording_is_heard_in_the_form_that_the_model_takes(command, sound, capsys, model: str) -> None:
    engine = ScriptedEngine()
    assert command(engine, ["run", model, "--file", sound], ["run", model, "--file", sound, "--json"]) == [0, 0]
    heard, _, more = capsys.readouterr().out.partition("\n")
    assert heard == "word0 word1"
    assert json.loads(more)["vtt"].startswith("WEBVTT")
    assert [request.work.audio for request in engine.requests if isinstance(request.work, Listening)] == [SOUND] * 2


def test_a_model_that_reads_no_text_takes_the_word_for_a_file(command, sound, capsys) -> None:
    assert command(ScriptedEngine(), ["run", WHISPER, sound], ["run", WHISPER, "none.wav"]) == [0, ExitCode.FAILURE]
    out, error = capsys.readouterr()
    assert (out, error) == ("word0 word1\n", "✘ [ERROR] none.wav: No such file or directory\n")


def test_other_inputs_go_beside_a_recording(command, sound) -> None:
    engine = ScriptedEngine()
    assert command(engine, ["run", TURBO, "--file", sound, "--input", "language=de"]) == [0]
    assert engine.requests[0].work == Listening(SOUND, False, "de", None)


def test_a_picture_and_a_question_become_a_description(command, sound, capsys) -> None:
    engine = ScriptedEngine()
    words = ["run", LLAVA, "What is this?", "--file", sound, "--max-tokens", "9"]
    assert command(engine, words) == [0]
    work = engine.requests[0].work
    assert isinstance(work, Describing)
    assert (work.image, work.prompt, work.max_tokens) == (SOUND, "What is this?", 9)
    assert capsys.readouterr().out == "A picture of 2048 bytes.\n"


def test_a_picture_is_part_of_the_message_of_a_model_that_sees(command, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(DOT)
    engine = ScriptedEngine(["a dot"])
    assert command(engine, ["run", GEMMA, "What is this?", "--file", "dot.png"]) == [0]
    (message,) = engine.requests[0].messages or ()
    assert [picture.data for picture in message.pictures] == [DOT]


def test_flags_may_stand_between_the_model_and_what_it_reads(command, sound, capsys) -> None:
    engine = ScriptedEngine(["one"])
    asked = (
        ["run", LLAVA, "--file", sound, "What is this?"],
        ["run", "--seed", "1", PHI, "--max-tokens", "9", "Hi"],
    )
    assert command(engine, *asked) == [0, 0]
    assert engine.requests[0].work == Describing(SOUND, "What is this?", is_raw=False, max_tokens=512)
    assert [message.content for message in engine.requests[1].messages or ()] == ["Hi"]


def test_a_translation_takes_inputs_by_name(command, tmp_path: Path, capsys) -> None:
    (tmp_path / "inputs.json").write_text('{"text": "unused", "target_lang": "fr"}')
    engine = ScriptedEngine()
    by_name = ["run", TRANSLATOR, "one two", "--input", "target_lang=de"]
    assert command(engine, by_name, ["run", TRANSLATOR, "three", "--inputs", "inputs.json"]) == [0, 0]
    assert capsys.readouterr().out == "de one two\nfr three\n"
    assert [request.work for request in engine.requests] == [
        Rewriting("one two", source="en", target="de"),
        Rewriting("three", source="en", target="fr"),
    ]


def test_a_text_model_takes_a_prompt_by_name_and_a_whole_answer_as_json(command, typed, capsys) -> None:
    typed('{"prompt": "Hello", "raw": true, "stream": true}')
    engine = ScriptedEngine(["one two"])
    assert command(engine, ["run", PHI, "--inputs", "-", "--input", "top_k=3", "--json"]) == [0]
    assert json.loads(capsys.readouterr().out)["response"] == "one two"
    assert (engine.requests[0].prompt, engine.requests[0].sampling.top_k) == ("Hello", 3)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([PHI], f"{PHI} needs prompt"),
        (
            [TRANSLATOR, "one"],
            "needs target_lang (Code of the language to translate into, such as es): --input ",
        ),
        ([RERANKER, "query"], "needs contexts (The contexts. An answer names them by their place in this list.): the"),
        ([WHISPER], "needs audio (The bytes of the recording, as integers from 0 to 255): --file PATH"),
        ([LLAVA, "What is this?"], "needs image"),
        ([SENTIMENT, "one", "two"], f"PROMPT: {SENTIMENT} reads one text at a time; got 2 (quotes missing?)"),
        ([SENTIMENT, "one", "--max-tokens", "3"], f"--max-tokens: {SENTIMENT} has no input max_tokens"),
        ([SENTIMENT, "one", "--system", "Be brief."], "--system: expected a model that takes messages"),
        ([BGE, "one", "--file", "x.png"], f"--file: {BGE} takes text, pooling, requests, and none of them is a file"),
        ([RERANKER, "a", "b", "--input", "top_k=many"], "--input top_k: expected integer, written as JSON; got many"),
        ([GEMMA, "--file", "x.png", "--input", "messages=[]"], "--file: expected a prompt beside it"),
        ([BGE, "one", "--input", "pooling"], "--input: expected NAME=VALUE; got pooling"),
        ([BGE, "--inputs", "list.json"], "--inputs list.json: expected a JSON object of inputs"),
    ],
)
def test_what_is_missing_or_wrong_is_named_before_a_server_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, words: list[str], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text("[]")
    assert main(["ai", "run", *words]) == ExitCode.USAGE
    assert text in capsys.readouterr().err
