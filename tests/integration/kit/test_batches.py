"""Asynchronous batches in tests: answered like other calls, their waits by the virtual clock."""

from typing import Any

import pytest

from paddock.worker.testing import Paddock, UnexpectedAiCall

LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
M3 = "@cf/baai/bge-m3"


def queue(worker: Paddock, model: str, *requests: dict[str, Any]) -> str:
    """The id of a batch that was accepted."""
    accepted = worker.env.AI.run(model, {"requests": list(requests)}, {"queueRequest": True}).result()
    assert accepted["status"] == "queued"
    id: str = accepted["request_id"]
    return id


def poll(worker: Paddock, model: str, id: str) -> Any:
    return worker.env.AI.run(model, {"request_id": id}).result()


def test_a_batch_is_answered_by_what_the_test_says(worker: Paddock) -> None:
    """WA-133"""
    worker.ai.on(prompt="one").reply("Eins.")
    worker.ai.on(prompt="two").reply("Zwei.")
    id = queue(worker, LLAMA, {"prompt": "one", "external_reference": "a"}, {"prompt": "two"})
    worker.ai.batches_done().result()
    first, second = poll(worker, LLAMA, id)["responses"]
    assert (first["result"]["response"], first["external_reference"]) == ("Eins.", "a")
    assert second["result"]["response"] == "Zwei."
    assert [call.outcome for call in worker.ai.calls] == ["ok", "ok"]


def test_models_that_read_take_batches_too(worker: Paddock) -> None:
    worker.ai.reply([[0.5, 0.25]])
    id = queue(worker, M3, {"text": "one"})
    worker.ai.batches_done().result()
    (response,) = poll(worker, M3, id)["responses"]
    assert response["result"]["data"] == [[0.5, 0.25]]


@pytest.mark.parametrize(("code", "starts"), [(3040, 5), (3021, 1)])
def test_faults_are_for_batches_too(worker: Paddock, code: int, starts: int) -> None:
    """DT-076"""
    worker.ai.fail_next(starts, code=code)
    id = queue(worker, LLAMA, {"prompt": "x"})
    worker.ai.batches_done().result()
    (response,) = poll(worker, LLAMA, id)["responses"]
    assert (response["success"], response["errors"][0]["code"]) == (False, code)
    assert len(worker.ai.calls) == starts


def test_a_request_that_met_no_capacity_is_tried_again(worker: Paddock) -> None:
    worker.ai.fail_next(2, code=3040)
    id = queue(worker, LLAMA, {"prompt": "x"})
    worker.ai.batches_done().result()
    (response,) = poll(worker, LLAMA, id)["responses"]
    assert (response["success"], response["starts"], worker.ai.clock.time() >= 2) == (True, 3, True)


def test_batches_run_on_by_themselves(worker: Paddock) -> None:
    worker.ai.set_state("loading")
    id = queue(worker, LLAMA, {"prompt": "x"})
    assert poll(worker, LLAMA, id)["status"] in ("queued", "running")
    worker.ai.set_state("warm")
    worker.ai.batches_done().result()
    assert poll(worker, LLAMA, id)["responses"][0]["success"] is True


def test_a_request_without_a_reply_fails_the_test(worker: Paddock) -> None:
    """DT-074"""
    worker.ai.reply("One.")
    id = queue(worker, LLAMA, {"prompt": "x"}, {"prompt": "y"})
    worker.ai.batches_done().result()
    with pytest.raises(UnexpectedAiCall, match=r"No reply is left in .* for call 2"):
        poll(worker, LLAMA, id)
