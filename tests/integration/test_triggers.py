"""Events that are no requests: cron triggers, mail, queues."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from paddock.worker.testing import Paddock

from .snippets import for_worker

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


#: What each test's worker is; without another one, for a handler of SCHEDULED.
pytestmark = pytest.mark.paddock(source=SCHEDULED)
FIRST_ERA = {"compatibility_date": "2025-01-01"}


@pytest.fixture
def send(
    client: httpx.Client, worker: Paddock, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[httpx.Response, list[str]]]:
    """`send(path)`: one request, its reply, and what the handler had printed by then."""

    def run(path: str, method: str = "GET", **request: Any) -> tuple[httpx.Response, list[str]]:
        reply = client.request(method, path, **request)
        worker.flush().result()
        return reply, capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize("base", ["local", "handler", "mf"])
def test_a_cron_trigger_tells_its_cron_and_its_time(send, base: str) -> None:
    """PW-026, PW-028, PW-030, DT-042: older paths lead there."""
    url = f"/cdn-cgi/{base}/scheduled?cron=*+*+*+*+*&time=1000"
    reply, lines = send(url, follow_redirects=True)
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
def test_the_outcome_as_json(send, cron: str, status: int, told: dict) -> None:
    """PW-029"""
    reply, _ = send(f"/cdn-cgi/local/scheduled?cron={cron}&format=json")
    assert (reply.status_code, reply.json()) == (status, told)


@pytest.mark.paddock(source=SCHEDULED.replace("controller, env, ctx", "controller"))
def test_a_handler_with_too_few_parameters_is_an_exception(send, caplog) -> None:
    """PW-027"""
    reply, _ = send("/cdn-cgi/local/scheduled")
    assert (reply.status_code, reply.text) == (500, "exception")
    assert "takes 2 positional arguments but 4 were given" in caplog.text


@pytest.mark.parametrize(
    "said",
    [
        for_worker("Handler does not export a scheduled() function.", source="x = 1\n"),
        for_worker(
            'does not export a handler named "on_scheduled"', source="def on_fetch(): ...\n", settings=FIRST_ERA
        ),
        for_worker("Method scheduled does not exist", source=SCHEDULED.replace("scheduled", "other")),
    ],
)
def test_a_worker_without_the_handler_is_an_exception(send, caplog, said: str) -> None:
    reply, _ = send("/cdn-cgi/local/scheduled")
    assert (reply.status_code, reply.text) == (500, "exception")
    assert said in caplog.text.replace('\\"', '"')  # the kit's log has errors as JSON


@pytest.mark.paddock(source="def on_scheduled(event):\n    print(event.cron)\n", settings=FIRST_ERA)
def test_a_function_of_the_first_era_takes_what_it_names(send) -> None:
    reply, lines = send("/cdn-cgi/local/scheduled?cron=daily")
    assert (reply.text, lines) == ("ok", ["daily"])


@pytest.mark.parametrize("path", ["scheduled", "email", "queue"])
@pytest.mark.parametrize("header", [{"origin": "https://example.com"}, {"host": "example.com"}])
def test_pages_of_other_sites_trigger_nothing(send, path: str, header: dict) -> None:
    """PW-031"""
    reply, lines = send(f"/cdn-cgi/local/{path}", headers=header)
    assert (reply.status_code, lines) == (403, [])


LATER = """
import asyncio
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        self.ctx.waitUntil(self.later())

    async def later(self):
        await asyncio.sleep(0)
        print("done later")
"""


@pytest.mark.paddock(source=LATER)
def test_wait_until_of_a_scheduled_event_runs_to_its_end(send, worker: Paddock, capsys) -> None:
    reply, lines = send("/cdn-cgi/local/scheduled")
    worker.ctx.drain().result()
    worker.flush().result()
    assert (reply.text, [*lines, *capsys.readouterr().out.splitlines()]) == ("ok", ["done later"])


EMAIL = """
from workers import WorkerEntrypoint, import_from_javascript

class Default(WorkerEntrypoint):
    async def email(self, message, env=None, ctx=None):
        raw = b"".join([chunk.to_bytes() async for chunk in message.raw])
        print(message.from_, message.to, message.headers.get("subject"), message.rawSize == len(raw))
        if message.headers.get("subject") == "Spam":
            message.setReject("no thanks")
        if message.headers.get("subject") == "Answer me":
            await message.forward("c@example.com")
            EmailMessage = import_from_javascript("cloudflare:email").EmailMessage
            await message.reply(EmailMessage.new("b@example.com", "a@example.com", "Subject: Re: Hello"))
"""


@pytest.mark.paddock(source=EMAIL)
@pytest.mark.parametrize("base", ["/cdn-cgi/local/email", "/cdn-cgi/handler/email"])
def test_a_mail_reaches_the_handler(send, base: str) -> None:
    """PW-032"""
    path = f"{base}?from=a@example.com&to=b@example.com"
    reply, lines = send(path, "POST", content=MAIL, follow_redirects=True)
    assert (reply.status_code, reply.text) == (200, "Worker successfully processed email")
    assert lines == ["a@example.com b@example.com Hello there True"]


@pytest.mark.paddock(source=EMAIL)
def test_a_mail_of_several_pieces_arrives_whole(send) -> None:
    path = "/cdn-cgi/local/email?from=a@example.com&to=b@example.com"
    _, lines = send(path, "POST", content=MAIL + b"x" * 500_000)
    assert lines == ["a@example.com b@example.com Hello there True"]


@pytest.mark.paddock(source=EMAIL)
def test_a_rejected_mail_says_why(send) -> None:
    path = "/cdn-cgi/local/email?from=a@example.com&to=b@example.com"
    reply, _ = send(path, "POST", content=MAIL.replace(b"Hello\r\n there", b"Spam"))
    assert reply.status_code == 400
    assert reply.text == "Worker rejected email with the following reason: no thanks"


@pytest.mark.paddock(source=EMAIL)
def test_forwards_and_replies_are_told_as_json(send) -> None:
    path = "/cdn-cgi/local/email?from=a@example.com&to=b@example.com&format=json"
    reply, _ = send(path, "POST", content=MAIL.replace(b"Hello\r\n there", b"Answer me"))
    assert reply.json() == {
        "outcome": "ok",
        "rejected": None,
        "forwarded": [{"to": "c@example.com", "headers": []}],
        "replies": [{"from": "b@example.com", "to": "a@example.com", "raw": "Subject: Re: Hello"}],
    }


@pytest.mark.paddock(source=EMAIL)
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
def test_what_is_no_mail_is_refused(send, query: str, mail: bytes, said: str) -> None:
    reply, lines = send(f"/cdn-cgi/local/email?{query}", "POST", content=mail)
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


@pytest.mark.paddock(source=QUEUE)
def test_a_batch_is_iterated_and_each_message_decided(send) -> None:
    """PW-033"""
    sent = {"messages": [{"id": "a", "timestamp": 0, "body": {"n": 1}}, {"id": "b", "attempts": 2, "body": {"n": 0}}]}
    reply, lines = send("/cdn-cgi/local/queue?queue=jobs", "POST", json=sent)
    assert reply.json() == {
        "outcome": "ok",
        "ackAll": False,
        "retryBatch": {"retry": False},
        "explicitAcks": ["a"],
        "retryMessages": [{"msgId": "b", "delaySeconds": 3}],
    }
    assert lines[:2] == ["jobs None None", "a 1 1 1970"]
    assert lines[2].startswith("b 0 2 ")


DECIDES = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    def queue(self, batch, env, ctx):
        exec(batch.messages[0].body)
"""


@pytest.mark.paddock(source=DECIDES)
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("batch.ackAll(); batch.retryAll()", {"ackAll": True, "retryBatch": {"retry": False}}),
        ("batch.retryAll(delaySeconds=5)", {"ackAll": False, "retryBatch": {"retry": True, "delaySeconds": 5}}),
        ("batch.ackAll(); batch.messages[0].retry()", {"ackAll": True, "retryMessages": []}),
    ],
)
def test_the_first_decision_about_a_batch_stands(send, code: str, told: dict) -> None:
    reply, _ = send("/cdn-cgi/local/queue?queue=jobs", "POST", json={"messages": [{"body": code}]})
    assert reply.json() | told == reply.json()


RAW_BATCH = "def on_queue(batch):\n    print(batch.messages[0].body.n, batch.messages.length)\n"


@pytest.mark.paddock(source=RAW_BATCH, settings=FIRST_ERA)
def test_a_function_of_the_first_era_gets_a_raw_batch(send) -> None:
    sent = {"queue": "jobs", "messages": [{"body": {"n": 1}}]}
    _, lines = send("/cdn-cgi/local/queue", "POST", json=sent)
    assert lines == ["1 1"]


@pytest.mark.paddock(source=QUEUE)
@pytest.mark.parametrize("sent", [{"messages": [{"body": 1}]}, {"queue": "q", "messages": []}, {"queue": "q"}, [1]])
def test_what_is_no_batch_is_refused(send, sent: object) -> None:
    reply, lines = send("/cdn-cgi/local/queue", "POST", json=sent)
    assert (reply.status_code, lines) == (400, [])


PRODUCER = """
from urllib.parse import unquote
from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            await eval("self.env.JOBS." + unquote(request.url.partition("?")[2]))
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


QUEUES = {
    "queues": {
        "producers": [{"binding": "JOBS", "queue": "jobs"}],
        "consumers": [{"queue": "jobs", "max_batch_timeout": 0}],
    }
}


@pytest.mark.paddock(source=PRODUCER, settings=QUEUES)
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
def test_what_a_producer_sends_its_consumer_gets(send, worker: Paddock, call: str, lines: list[str], capsys) -> None:
    """PW-033"""
    reply, printed = send(f"/?{quote(call)}")
    while len(printed) < len(lines):  # they come when the queue has them delivered
        worker.flush().result()
        printed += capsys.readouterr().out.splitlines()
    assert (reply.text, printed) == ("sent", lines)


@pytest.mark.paddock(source=PRODUCER, settings=QUEUES)
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("send(1, contentType='text')", 'TypeError: Content Type "text" requires a value of type string'),
        ("send('x', contentType='xml')", "TypeError: Unsupported queue message content type: xml"),
        ("sendBatch([])", "TypeError: sendBatch() requires at least one message"),
        ("send('x' * 200_000)", "Error: Queue send failed: message length of 200002 bytes exceeds limit of 128000"),
    ],
)
def test_what_a_producer_may_not_send(send, call: str, said: str) -> None:
    reply, _ = send(f"/?{quote(call)}")
    assert reply.text.startswith(said)
