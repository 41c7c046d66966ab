"""Models in the mode `scripted`: they say what the test says, and nothing else."""

from typing import Any

import pytest

from paddock.worker.testing import JsException, Paddock, UnexpectedAiCall

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"


def run(worker: Paddock, model: str = PHI, **inputs: Any) -> Any:
    return worker.fetch("/run", json={"model": model, "inputs": {"prompt": "x", **inputs}}).result().json()


def test_a_reply_is_used_once(worker: Paddock) -> None:
    """DT-074"""
    worker.ai.reply("One.")
    answer = run(worker)
    assert (answer["response"], answer["usage"]["completion_tokens"]) == ("One.", 1)
    with pytest.raises(UnexpectedAiCall, match=r"No reply is left in .*once for call 2, of @cf/microsoft/phi-2: 'x'"):
        run(worker)


def test_replies_in_their_order(worker: Paddock) -> None:
    worker.ai.reply("One.", {"response": "Two."})
    worker.ai.stream(["Th", "ree."])
    assert [run(worker)["response"] for _ in range(3)] == ["One.", "Two.", "Three."]


def test_a_reply_with_tool_calls(worker: Paddock) -> None:
    tool = {"name": "add", "description": "Add", "parameters": {"type": "object", "properties": {}, "required": []}}
    worker.ai.reply({"tool_calls": [{"name": "add", "arguments": {"a": 1}}]})
    answer = run(worker, LLAMA, tools=[tool])
    assert answer["tool_calls"] == [{"name": "add", "arguments": {"a": 1}}]


def test_what_is_no_answer_of_any_model_is_refused_at_once(worker: Paddock) -> None:
    for wrong in ({"answer": "x"}, {"response": "x", "summary": "y"}):
        with pytest.raises(ValueError, match=r"answers have the members .*summary.* got "):
            worker.ai.reply(wrong)
    with pytest.raises(TypeError, match="got int"):
        worker.ai.reply(1)  # type: ignore[arg-type]  # that is the point


def test_a_failure_has_productions_form(worker: Paddock) -> None:
    worker.ai.fail(3040)
    with pytest.raises(JsException, match=r"3040: Capacity temporarily exceeded, please try again\."):
        run(worker)
    worker.ai.fail(9999, "Something else")
    with pytest.raises(JsException, match=r"9999: Something else"):
        run(worker)
    with pytest.raises(ValueError, match=r"9999: expected a message with it; numbers with words of their own: 1000, "):
        worker.ai.fail(9999)


def test_a_rule_answers_the_calls_that_it_matches(worker: Paddock) -> None:
    """DT-075"""
    rule = worker.ai.on(model="@cf/meta/*", prompt=r"weather in (\w+)")
    rule.call(lambda call: f"{call.prompt.split()[-1]} is sunny")
    worker.ai.on(times=2).reply("Something.")
    assert run(worker, LLAMA, prompt="the weather in Oslo")["response"] == "Oslo is sunny"
    assert run(worker, LLAMA, prompt="hello")["response"] == "Something."
    assert run(worker, prompt="the weather in Oslo")["response"] == "Something."
    with pytest.raises(UnexpectedAiCall):
        run(worker)
    assert (rule.used, worker.ai.unused()) == (1, [])


def test_a_rule_can_look_at_the_inputs(worker: Paddock) -> None:
    """DT-075"""
    worker.ai.on(input=lambda inputs: inputs.get("max_tokens") == 256).reply("Defaults are filled in.")
    worker.ai.on(model="@cf/baai/*", prompt="lighthouse", input=lambda inputs: len(inputs["text"]) == 2).reply(
        [[1], [2]]
    )
    assert run(worker)["response"] == "Defaults are filled in."
    vectors = worker.env.AI.run("@cf/baai/bge-base-en-v1.5", {"text": ["a lighthouse", "a tax form"]}).result()
    assert vectors["data"] == [[1.0], [2.0]]


def test_a_rule_whose_function_fails_says_so(worker: Paddock) -> None:
    worker.ai.on(prompt="x").call(lambda call: call.inputs["colour"])
    with pytest.raises(UnexpectedAiCall, match=r"prompt='x'\) raised KeyError: 'colour'"):
        run(worker)


def test_what_no_call_has_used_is_named(worker: Paddock) -> None:
    """DT-075"""
    worker.ai.on(model="@cf/meta/*", prompt="x").reply("y")
    worker.ai.reply("z")
    assert worker.ai.unused() == [
        "ai.on(model='@cf/meta/*', prompt='x') answered 0 calls",
        "1 queued replies were not used",
    ]
    run(worker, LLAMA)
    run(worker)


def test_a_rule_without_an_answer_says_so(worker: Paddock) -> None:
    rule = worker.ai.on()
    said = "ai.on(model='*') has no answer: say .reply(...), .stream(...), .fail(...) or .call(...) of it"
    assert worker.ai.unused() == [said]
    rule.reply("One.")
    assert run(worker)["response"] == "One."


@pytest.mark.ai("off")
def test_off(worker: Paddock) -> None:
    """DT-085"""
    with pytest.raises(
        UnexpectedAiCall, match=r"AI is off in .*test_off, and the worker made call 1, of @cf/microsoft/phi-2"
    ):
        run(worker)


@pytest.mark.ai(reply=["One.", "Two."])
def test_replies_of_the_marker(worker: Paddock) -> None:
    assert [run(worker)["response"] for _ in range(2)] == ["One.", "Two."]
    worker.ai.assert_called(times=2)
