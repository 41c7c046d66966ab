"""Batches, retries and dead letters."""

import asyncio
import logging

import msgspec
import pytest

from paddock.bindings.binding import FetchRequest
from paddock.bindings.queues.binding import QueueBinding, QueueSettings
from paddock.bindings.queues.broker import Broker, Consumer, Decision, Draft, Message

NOW = {"max_batch_timeout": 0.0, "retry_delay": 0.0}


def draft(text: str) -> Draft:
    return Draft(msgspec.Raw(msgspec.json.encode(text)))


class Handler:
    """Takes batches, answers from a list, and knows what it has seen."""

    def __init__(self, *decisions: Decision | Exception) -> None:
        self._decisions = list(decisions)
        self.seen: list[tuple[str, list[tuple[str, int]]]] = []
        self.idle = asyncio.Event()

    async def __call__(self, queue: str, messages: list[Message]) -> Decision:
        self.seen.append((queue, [(msgspec.json.decode(bytes(m.body)), m.attempts) for m in messages]))
        decision = self._decisions.pop(0)
        if not self._decisions:
            self.idle.set()
        if isinstance(decision, Exception):
            raise decision
        return decision


def run(handler: Handler, consumers: list[Consumer], *texts: str) -> list[tuple[str, list[tuple[str, int]]]]:
    """Send to the first queue, until the handler has no more decisions to make."""

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            broker = Broker(consumers)
            broker.send(consumers[0].queue, [draft(text) for text in texts], 0.0)
            broker.start(tasks, handler)
            await handler.idle.wait()
            await asyncio.sleep(0)  # what the last decision leads to
            broker.close()

    asyncio.run(main())
    return handler.seen


def test_messages_come_in_batches_and_in_order() -> None:
    """PW-033"""
    handler = Handler(Decision(outcome="ok"), Decision(outcome="ok"))
    consumer = Consumer(queue="q", max_batch_size=2, **NOW)
    assert run(handler, [consumer], "a", "b", "c") == [("q", [("a", 1), ("b", 1)]), ("q", [("c", 1)])]


@pytest.mark.parametrize("failure", [Decision(outcome="exception"), RuntimeError("the isolate died")])
def test_a_failed_batch_comes_again_until_it_is_dropped(failure: Decision | Exception, caplog) -> None:
    handler = Handler(failure, failure)
    with caplog.at_level(logging.INFO):
        seen = run(handler, [Consumer(queue="q", max_retries=1, **NOW)], "a")
    assert seen == [("q", [("a", 1)]), ("q", [("a", 2)])]
    assert 'on queue "q" after 2 failed attempts!' in caplog.text


def test_what_failed_too_often_goes_to_the_dead_letter_queue() -> None:
    handler = Handler(Decision(outcome="exception"), Decision(outcome="ok"))
    consumers = [
        Consumer(queue="q", max_retries=0, dead_letter_queue="dead", **NOW),
        Consumer(queue="dead", **NOW),
    ]
    assert run(handler, consumers, "a") == [("q", [("a", 1)]), ("dead", [("a", 1)])]


def test_a_message_without_a_consumer_is_dropped(caplog) -> None:
    with caplog.at_level(logging.INFO):
        Broker([]).send("nobody", [draft("a")], 0.0)
    assert "queue_without_consumer queue=nobody" in caplog.text


MESSAGES = [Message(name, 0, msgspec.Raw(b"1"), "json") for name in "ab"]


@pytest.mark.parametrize(
    ("told", "retried"),
    [
        ({"outcome": "ok"}, []),
        ({"outcome": "exception"}, [("a", None), ("b", None)]),
        ({"outcome": "exception", "explicitAcks": ["a"]}, [("b", None)]),
        ({"outcome": "exception", "ackAll": True}, []),
        ({"outcome": "ok", "retryBatch": {"retry": True, "delaySeconds": 5}}, [("a", 5), ("b", 5)]),
        ({"outcome": "ok", "retryBatch": {"retry": True}, "explicitAcks": ["b"]}, [("a", None)]),
        ({"outcome": "ok", "retryMessages": [{"msgId": "b", "delaySeconds": 3}]}, [("b", 3)]),
    ],
)
def test_what_has_to_be_delivered_again(told: dict, retried: list) -> None:
    decision = msgspec.convert(told, Decision)
    assert [(message.id, delay) for message, delay in decision.retries(MESSAGES)] == retried


def post(body: object) -> tuple[int, bytes]:
    async def main() -> tuple[int, bytes]:
        request = FetchRequest("POST", "https://queue/", (), msgspec.json.encode(body))
        response = await QueueBinding(Broker([]), QueueSettings("q")).fetch(request)
        assert response.body is None or isinstance(response.body, bytes)
        return response.status, response.body or b""

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"messages": [{"body": 1}]}, 200, b""),
        ({"messages": [{"body": "x" * 128_000}]}, 413, b"message length of 128002 bytes exceeds limit of 128000"),
        ({"messages": [{"body": 1}] * 101}, 413, b"batch message count of 101 exceeds limit of 100"),
        ({"messages": [{"body": "x" * 100_000}] * 3}, 413, b"batch size of 300006 bytes exceeds limit of 256000"),
        ({"messages": [{"body": 1, "delay_s": 50_000}]}, 400, b"delaySeconds: expected 0 to 43200"),
    ],
)
def test_limits_of_what_a_producer_sends(body: object, status: int, said: bytes) -> None:
    assert post(body) == (status, said)


def test_flush_delivers_what_waits_for_company_and_its_retries_but_no_delayed_messages() -> None:
    """PW-033"""
    failed = Decision(outcome="exception")
    handler = Handler(failed, Decision(outcome="ok"))
    consumer = Consumer(queue="q", max_batch_size=10, max_batch_timeout=3600.0)

    async def main() -> tuple[bool, bool]:
        async with asyncio.TaskGroup() as tasks:
            broker = Broker([consumer])
            broker.start(tasks, handler)
            broker.send("q", [draft("late")], 3600.0)
            broker.send("q", [draft("a"), draft("b")], 0.0)
            first, second = await broker.flush(), await broker.flush()
            broker.close()
            return first, second

    assert asyncio.run(main()) == (True, False)
    assert handler.seen == [("q", [("a", 1), ("b", 1)]), ("q", [("a", 2), ("b", 2)])]
