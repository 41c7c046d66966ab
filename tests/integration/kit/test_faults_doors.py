"""Faults of models, as each door shows them, and for each task."""

from typing import Any

import pytest

from paddock.worker.testing import JsException, Paddock
from paddock.worker.testing.failures import CODES, QUEUE_FULL, error_for

from .test_fake import CARDS, INPUTS

PHI = "@cf/microsoft/phi-2"
REST = f"/client/v4/accounts/any/ai/run/{PHI}"
OPENAI = "/client/v4/accounts/any/ai/v1/chat/completions"
CHAT = {"model": PHI, "messages": [{"role": "user", "content": "x"}]}
WITH_WORDS = [code for code, known in CODES.items() if known.text]


@pytest.mark.parametrize("code", WITH_WORDS)
def test_each_number_at_each_door(worker: Paddock, code: int) -> None:
    """WA-132, DT-076"""
    worker.ai.fail_next(3, code=code)
    error = error_for(code, model=PHI)
    with pytest.raises(JsException) as caught:
        worker.env.AI.run(PHI, {"prompt": "x"}).result()
    assert str(caught.value) == f"AiError: {code}: {error.message}"
    said = f"AiError: {error.label}: {error.message} ("
    rest = worker.fetch(REST, json={"prompt": "x"}).result()
    (shown,) = rest.json()["errors"]
    assert (rest.status_code, shown["code"], shown["message"].startswith(said)) == (error.status, code, True)
    chat = worker.fetch(OPENAI, json=CHAT).result()
    assert (chat.status_code, chat.json()["error"]["code"]) == (error.status, str(code))
    assert chat.json()["error"]["message"].startswith(said)
    assert [answer.headers.get("retry-after") for answer in (rest, chat)] == [
        ("1" if error.status == 429 else None)
    ] * 2


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_faults_are_for_every_task(worker: Paddock, card: Any) -> None:
    """DT-076"""
    asked = INPUTS.get(card.name) or INPUTS[card.task_type]
    worker.ai.fail_next(code=3040)
    with pytest.raises(JsException, match="3040"):
        worker.env.AI.run(card.name, asked).result()
    worker.ai.delay(ttft=3)
    assert worker.env.AI.run(card.name, asked).result()
    assert (worker.ai.calls[1].ttft_s or 0) >= 3


def test_a_stream_fails_before_it_begins(worker: Paddock) -> None:
    worker.ai.fail_next(code=3021)
    with pytest.raises(JsException, match="3021: rate limiting"):
        worker.env.AI.run(PHI, {"prompt": "x", "stream": True}).result()


def test_an_answer_in_one_piece_is_cut_before_it(worker: Paddock) -> None:
    """DT-077"""
    asked = {"text": ["one"]}
    worker.ai.cut_stream_after(0)
    with pytest.raises(JsException, match="The stream was cut by the test"):
        worker.env.AI.run("@cf/baai/bge-m3", asked).result()
    worker.ai.cut_stream_after(1)  # of a model that writes more than one piece
    assert worker.env.AI.run("@cf/baai/bge-m3", asked).result()["data"]
    with pytest.raises(JsException, match="The stream was cut by the test"):
        worker.env.AI.run(PHI, {"prompt": "x"}).result()


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("out_of_capacity", 3040, CODES[3040].text),
        ("queue_full", 3040, QUEUE_FULL),
        ("rate_limited", 3021, CODES[3021].text),
        ("out_of_neurons", 4006, CODES[4006].text),
    ],
)
def test_what_is_refused_with_429_until_it_recovers(worker: Paddock, fault: str, code: int, said: str) -> None:
    """WA-132"""
    getattr(worker.ai, fault)()
    answers = [worker.fetch(REST, json={"prompt": "x"}).result() for _ in range(2)]
    assert [(answer.status_code, answer.json()["errors"][0]["code"]) for answer in answers] == [(429, code)] * 2
    assert said in answers[0].json()["errors"][0]["message"]
    worker.ai.recover()
    assert worker.fetch(REST, json={"prompt": "x"}).result().status_code == 200
