"""Events that are no requests: cron triggers, mail, queues."""

import asyncio

import httpx
import pytest

from paddock.bindings.queues.broker import Consumer

SCHEDULED = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        print(controller.cron, controller.scheduledTime, env, ctx)
        if controller.cron == "final":
            controller.noRetry()
        if controller.cron == "fails":
            raise ValueError("not today")
"""

MAIL = (
    b"From: a@example.com\r\nTo: b@example.com\r\nSubject: Hello\r\n there\r\nMessage-ID: <1@example.com>\r\n\r\nHi\r\n"
)


def send(serve, source: str, path: str, method: str = "GET", date: str = "2026-09-15", **request):
    """One request: its reply, and what the handler had printed by then."""

    async def run() -> tuple[httpx.Response, list[str]]:
        async with serve(source, date=date) as running:
            return await running.client.request(method, path, **request), running.lines

    return asyncio.run(run())


@pytest.mark.parametrize("base", ["local", "handler", "mf"])
def test_a_cron_trigger_tells_its_cron_and_its_time(serve, base: str) -> None:
    """PW-026, PW-028, PW-030, DT-042: older paths lead there."""
    url = f"/cdn-cgi/{base}/scheduled?cron=*+*+*+*+*&time=1000"
    reply, lines = send(serve, SCHEDULED, url, follow_redirects=True)
    assert [hop.status_code for hop in reply.history] == [308] * (base != "local")
    assert (reply.status_code, reply.text) == (200, "ok")
    assert lines == ["* * * * * 1000 None None"]


@pytest.mark.parametrize(
    ("cron", "status", "told"),
    [
        ("x", 200, {"outcome": "ok", "noRetry": False}),
        ("final", 200, {"outcome": "ok", "noRetry": True}),
        ("fails", 500, {"outcome": "exception", "noRetry": False}),
    ],
)
def test_the_outcome_as_json(serve, cron: str, status: int, told: dict) -> None:
    """PW-029"""
    reply, _ = send(serve, SCHEDULED, f"/cdn-cgi/local/scheduled?cron={cron}&format=json")
    assert (reply.status_code, reply.json()) == (status, told)


def test_a_handler_with_too_few_parameters_is_an_exception(serve, caplog) -> None:
    """PW-027"""
    source = SCHEDULED.replace("controller, env, ctx", "controller")
    reply, _ = send(serve, source, "/cdn-cgi/local/scheduled")
    assert (reply.status_code, reply.text) == (500, "exception")
    assert "takes 2 positional arguments but 4 were given" in caplog.text


@pytest.mark.parametrize(
    ("source", "date", "said"),
    [
        ("x = 1\n", "2026-09-15", "Handler does not export a scheduled() function."),
        ("def on_fetch(): ...\n", "2025-01-01", 'does not export a handler named "on_scheduled"'),
        (SCHEDULED.replace("scheduled", "other"), "2026-09-15", "Method scheduled does not exist"),
    ],
)
def test_a_worker_without_the_handler_is_an_exception(serve, caplog, source: str, date: str, said: str) -> None:
    reply, _ = send(serve, source, "/cdn-cgi/local/scheduled", date=date)
    assert (reply.status_code, reply.text) == (500, "exception")
    assert said in caplog.text


def test_a_function_of_the_first_era_takes_what_it_names(serve) -> None:
    source = "def on_scheduled(event):\n    print(event.cron)\n"
    reply, lines = send(serve, source, "/cdn-cgi/local/scheduled?cron=daily", date="2025-01-01")
    assert (reply.text, lines) == ("ok", ["daily"])


@pytest.mark.parametrize("path", ["scheduled", "email", "queue"])
@pytest.mark.parametrize("header", [{"origin": "https://example.com"}, {"host": "example.com"}])
def test_pages_of_other_sites_trigger_nothing(serve, path: str, header: dict) -> None:
    """PW-031"""
    reply, lines = send(serve, SCHEDULED, f"/cdn-cgi/local/{path}", headers=header)
    assert (reply.status_code, lines) == (403, [])


def test_wait_until_of_a_scheduled_event_runs_to_its_end(serve, until) -> None:
    source = """
import asyncio
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        self.ctx.waitUntil(self.later())

    async def later(self):
        await asyncio.sleep(0)
        print("done later")
"""

    async def run() -> str:
        async with serve(source) as running:
            text: str = (await running.client.get("/cdn-cgi/local/scheduled")).text
            await until(lambda: "done later" in running.lines)
            return text

    assert asyncio.run(run()) == "ok"


EMAIL = """
from workers import WorkerEntrypoint, import_from_javascript

class Default(WorkerEntrypoint):
    async def email(self, message, env=None, ctx=None):
        raw = b"".join([chunk.to_bytes() async for chunk in message.raw])
        print(message.from_, message.to, message.headers.get("subject"), message.rawSize == len(raw))
        %s
"""


@pytest.mark.parametrize("base", ["/cdn-cgi/local/email", "/cdn-cgi/handler/email"])
def test_a_mail_reaches_the_handler(serve, base: str) -> None:
    """PW-032"""
    path = f"{base}?from=a@example.com&to=b@example.com"
    reply, lines = send(serve, EMAIL % "", path, "POST", content=MAIL, follow_redirects=True)
    assert (reply.status_code, reply.text) == (200, "Worker successfully processed email")
    assert lines == ["a@example.com b@example.com Hello there True"]


def test_a_mail_of_several_pieces_arrives_whole(serve) -> None:
    path = "/cdn-cgi/local/email?from=a@example.com&to=b@example.com"
    _, lines = send(serve, EMAIL % "", path, "POST", content=MAIL + b"x" * 500_000)
    assert lines == ["a@example.com b@example.com Hello there True"]


def test_a_rejected_mail_says_why(serve) -> None:
    path = "/cdn-cgi/local/email?from=a@example.com&to=b@example.com"
    reply, _ = send(serve, EMAIL % "message.setReject('no thanks')", path, "POST", content=MAIL)
    assert reply.status_code == 400
    assert reply.text == "Worker rejected email with the following reason: no thanks"


def test_forwards_and_replies_are_told_as_json(serve) -> None:
    code = """
        await message.forward("c@example.com")
        EmailMessage = import_from_javascript("cloudflare:email").EmailMessage
        await message.reply(EmailMessage.new("b@example.com", "a@example.com", "Subject: Re: Hello"))
"""
    path = "/cdn-cgi/local/email?from=a@example.com&to=b@example.com&format=json"
    reply, _ = send(serve, EMAIL % code.strip(), path, "POST", content=MAIL)
    assert reply.json() == {
        "outcome": "ok",
        "rejected": None,
        "forwarded": [{"to": "c@example.com", "headers": []}],
        "replies": [{"from": "b@example.com", "to": "a@example.com", "raw": "Subject: Re: Hello"}],
    }


@pytest.mark.parametrize(
    ("query", "mail", "said"),
    [
        ("from=a@example.com", MAIL, "specifying the `from` and `to` addresses"),
        ("from=a@example.com&to=b@example.com", b"", "an email in the body"),
        ("from=a@example.com&to=b@example.com", b"From: a\r\n\r\nHi", "no message id provided"),
        ("from=a@example.com&to=b@example.com", MAIL + b"x" * 2**20, "exceeds the lower 1Mib limit"),
    ],
    ids=["no recipient", "no message", "no message id", "too large"],
)
def test_what_is_no_mail_is_refused(serve, query: str, mail: bytes, said: str) -> None:
    reply, lines = send(serve, EMAIL % "", f"/cdn-cgi/local/email?{query}", "POST", content=mail)
    assert (reply.status_code, lines) == (400, [])
    assert said in reply.text


QUEUE = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def queue(self, batch, env, ctx):
        print(batch.queue, env, ctx)
        for message in batch.messages:
            print(message.id, message.body["n"], message.attempts, message.timestamp.year)
            message.ack() if message.body["n"] else message.retry({"delaySeconds": 3})
"""


def test_a_batch_is_iterated_and_each_message_decided(serve) -> None:
    """PW-033"""
    sent = {"messages": [{"id": "a", "timestamp": 0, "body": {"n": 1}}, {"id": "b", "attempts": 2, "body": {"n": 0}}]}
    reply, lines = send(serve, QUEUE, "/cdn-cgi/local/queue?queue=jobs", "POST", json=sent)
    assert reply.json() == {
        "outcome": "ok",
        "ackAll": False,
        "retryBatch": {"retry": False},
        "explicitAcks": ["a"],
        "retryMessages": [{"msgId": "b", "delaySeconds": 3}],
    }
    assert lines[:2] == ["jobs None None", "a 1 1 1970"]
    assert lines[2].startswith("b 0 2 ")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("batch.ackAll(); batch.retryAll()", {"ackAll": True, "retryBatch": {"retry": False}}),
        ("batch.retryAll(delaySeconds=5)", {"ackAll": False, "retryBatch": {"retry": True, "delaySeconds": 5}}),
        ("batch.ackAll(); batch.messages[0].retry()", {"ackAll": True, "retryMessages": []}),
    ],
)
def test_the_first_decision_about_a_batch_stands(serve, code: str, told: dict) -> None:
    source = f"from workers import WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n    def queue(self, batch, env, ctx):\n        {code}\n"  # noqa: E501 - a handler in one piece
    reply, _ = send(serve, source, "/cdn-cgi/local/queue?queue=jobs", "POST", json={"messages": [{"body": 1}]})
    assert reply.json() | told == reply.json()


def test_a_function_of_the_first_era_gets_a_raw_batch(serve) -> None:
    source = "def on_queue(batch):\n    print(batch.messages[0].body.n, batch.messages.length)\n"
    sent = {"queue": "jobs", "messages": [{"body": {"n": 1}}]}
    _, lines = send(serve, source, "/cdn-cgi/local/queue", "POST", date="2025-01-01", json=sent)
    assert lines == ["1 1"]


@pytest.mark.parametrize("sent", [{"messages": [{"body": 1}]}, {"queue": "q", "messages": []}, {"queue": "q"}, [1]])
def test_what_is_no_batch_is_refused(serve, sent: object) -> None:
    reply, lines = send(serve, QUEUE, "/cdn-cgi/local/queue", "POST", json=sent)
    assert (reply.status_code, lines) == (400, [])


PRODUCER = """
import js
from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            await self.env.JOBS.{call}
        except JsException as error:
            return Response(str(error))
        return Response("sent")

    async def queue(self, batch, env, ctx):
        for message in batch.messages:
            body = message.body
            print(batch.queue, bytes(body) if isinstance(body, memoryview) else body, message.attempts)
            if body == "again" and message.attempts == 1:
                message.retry()
"""


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("send({'n': [1, None]})", ["jobs {'n': [1, None]} 1"]),
        ("send('plain', contentType='text')", ["jobs plain 1"]),
        ("send(b'raw', contentType='bytes')", ["jobs b'raw' 1"]),
        ("send('again')", ["jobs again 1", "jobs again 2"]),
        ("sendBatch([{'body': 1}, {'body': 2}])", ["jobs 1 1", "jobs 2 1"]),
    ],
)
def test_what_a_producer_sends_its_consumer_gets(serve, until, call: str, lines: list[str]) -> None:
    """PW-033"""
    consumer = Consumer(queue="jobs", max_batch_timeout=0.0)

    async def run() -> str:
        async with serve(PRODUCER.format(call=call), producers={"JOBS": "jobs"}, consumers=(consumer,)) as running:
            text: str = (await running.client.get("/")).text
            await until(lambda: len(running.lines) >= len(lines))
            assert running.lines == lines
            return text

    assert asyncio.run(run()) == "sent"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("send(1, contentType='text')", 'TypeError: Content Type "text" requires a value of type string'),
        ("send('x', contentType='xml')", "TypeError: Unsupported queue message content type: xml"),
        ("sendBatch([])", "TypeError: sendBatch() requires at least one message"),
        ("send('x' * 200_000)", "Error: Queue send failed: message length of 200002 bytes exceeds limit of 128000"),
    ],
)
def test_what_a_producer_may_not_send(serve, call: str, said: str) -> None:
    async def run() -> str:
        async with serve(PRODUCER.format(call=call), producers={"JOBS": "jobs"}) as running:
            text: str = (await running.client.get("/")).text
            return text

    assert asyncio.run(run()).startswith(said)
