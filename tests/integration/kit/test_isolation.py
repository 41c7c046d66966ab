"""What one test does is not there in the next; each of these tests meets what the one before has left."""

import pytest

from paddock.worker.testing import Ai, Paddock


@pytest.mark.parametrize("number", [1, 2])
def test_storage_is_new_for_every_test(worker: Paddock, number: int) -> None:
    """DT-087"""
    assert worker.env.NOTES.get("a").result() is None
    worker.env.NOTES.put("a", str(number)).result()
    assert worker.env.NOTES.get("a").result() == str(number)


@pytest.mark.paddock(isolation="module")
@pytest.mark.parametrize("number", [1, 2])
def test_storage_is_kept_on_demand(worker: Paddock, number: int) -> None:
    """DT-087"""
    assert worker.env.NOTES.get("kept").result() == (None if number == 1 else "1")
    worker.env.NOTES.put("kept", str(number)).result()


def test_reset_forgets_in_the_middle_of_a_test(worker: Paddock) -> None:
    worker.env.NOTES.put("a", "b").result()
    worker.reset().result()
    assert worker.env.NOTES.get("a").result() is None


@pytest.mark.paddock(vars={"GREETING": "bonjour"}, secrets={"TOKEN": "t"})
def test_variables_of_one_test(worker: Paddock) -> None:
    assert (worker.env.GREETING, worker.env.TOKEN) == ("bonjour", "t")


def test_and_not_of_the_next(worker: Paddock, ai: Ai) -> None:
    assert (worker.env.GREETING, hasattr(worker.env, "TOKEN"), ai.calls) == ("hello", False, [])


def test_events_by_hand_take_the_same_way(worker: Paddock) -> None:
    """DT-089"""
    assert worker.fetch("/cdn-cgi/local/scheduled?cron=a&time=1000").result().text == "ok"
    by_http = worker.env.NOTES.get("cron").result()
    assert worker.scheduled("a", at=1).result().outcome == "ok"
    assert worker.env.NOTES.get("cron").result() == by_http
    told = worker.fetch("/cdn-cgi/local/scheduled?cron=bad&format=json").result()
    assert (told.status_code, told.json()["outcome"]) == (500, "exception")


def test_the_rest_api_answers_too(worker: Paddock) -> None:
    worker.ai.reply("Hello.")
    told = worker.fetch("/client/v4/accounts/any/ai/run/@cf/microsoft/phi-2", json={"prompt": "Hi"}).result()
    assert told.json()["result"]["response"] == "Hello."
    worker.ai.assert_called_once_with(contains="Hi")
