"""Events by hand: `/cdn-cgi/local/scheduled`, `email` and `queue`; older paths of the former two lead there.

`scheduled?cron=...&time=...` answers with the outcome, `email?from=...&to=...` takes a message as its body, and
`queue?queue=...` messages as JSON; with `format=json` each tells what the handler did. Parameters, checks and texts of
the first two are those of the official dev server; a queue has no such door there. The app has checked who asks
(`guard.py`). `/__scheduled` is wrangler's oldest door for `scheduled`, and has to be asked for (`--test-scheduled`).
PW-026 to PW-033.
"""

from __future__ import annotations

import logging
import time
import uuid
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parseaddr
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from paddock.bindings.binding import FetchRequest, FetchResponse
from paddock.bindings.errors import IncompleteRequest, RequestTooLarge
from paddock.bindings.queues.broker import Decision
from paddock.worker import wire
from paddock.worker.addressees import EventRefused
from paddock.worker.http import text_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paddock.bindings.binding import CallRecord
    from paddock.bindings.queues.broker import Deliver, Message
    from paddock.worker.addressees import Addressees, Isolate
    from paddock.worker.wire import Headers

__all__ = ["MOVED", "PATHS", "TEST_PATH", "Outcome", "answer", "answer_test", "consumer", "deliver"]

logger = logging.getLogger(__name__)

_PREFIX: Final = "/cdn-cgi/local/"
_JSON: Final = (("content-type", "application/json"),)
_MB: Final = 1024 * 1024
#: Source: developer docs, Email Routing limits; the second is the official dev server's own.
_MAIL_BYTES: Final = 25 * _MB
_LOCAL_MAIL_BYTES: Final = 1 * _MB
#: Source: developer docs, Queues limits: 100 messages of 128 KB, and room for what is around them.
_BATCH_BYTES: Final = 16 * _MB
_MOST_MESSAGES: Final = 100
#: The isolate's account of an event: the replies to a mail are in it.
_TOLD_BYTES: Final = 32 * _MB


class Outcome(msgspec.Struct):
    """What came of an event: the isolate's words. `details` is the whole answer."""

    outcome: str
    error: str
    details: dict[str, object]

    @property
    def status(self) -> int:
        return 200 if self.outcome == "ok" else 500


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    body: msgspec.Raw
    id: str | None = None
    #: Milliseconds since 1970.
    timestamp: int | None = None
    attempts: int = 1


class _Messages(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_Message]
    queue: str | None = None


async def deliver(
    isolate: Isolate,
    kind: str,
    arguments: bytes,
    calls: list[CallRecord],
    headers: Headers = (),
    *,
    is_logged: bool = True,
    request_id: str = "",
) -> Outcome:
    """Have the handler take an event; `calls` collects its AI calls. What it raised is logged, unless
    the caller shows it.

    Raises: IsolateCrashed when its process died.
    """
    fetch = wire.Fetch(
        wire.FetchId(0), kind, "POST", f"http://localhost{_PREFIX}{kind}", headers, None, request_id=request_id
    )
    reply = await isolate.fetch(fetch, arguments, calls)
    told = await FetchRequest("POST", fetch.url, (), reply.body).read(_TOLD_BYTES)
    details = msgspec.json.decode(told, type=dict[str, object])
    outcome = Outcome(str(details["outcome"]), str(details.pop("error")), details)
    if outcome.error and is_logged:
        named = {"fields": {"request_id": request_id}} if request_id else None
        logger.error("%s", outcome.error.rstrip(), extra=named)
    return outcome


def consumer(isolate: Callable[[], Awaitable[Isolate]]) -> Deliver:
    """What has the handler consume a batch of a queue."""

    async def consume(queue: str, messages: list[Message]) -> Decision:
        arguments = msgspec.json.encode({"queue": queue, "messages": messages})
        outcome = await deliver(await isolate(), "queue", arguments, [])
        return msgspec.convert(outcome.details, Decision)

    return consume


async def answer(addressees: Addressees, request: FetchRequest) -> FetchResponse:
    """Answer a request to one of PATHS."""
    url = urlsplit(request.url)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    try:
        return await _ANSWERS[url.path.rpartition("/")[2]](addressees, request, query)
    except EventRefused as refused:
        return FetchResponse(400, text_headers(), str(refused).encode())


async def answer_test(addressees: Addressees, request: FetchRequest) -> FetchResponse:
    """Answer a request to TEST_PATH: wrangler's words, whatever form is asked for."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
    query.pop("format", None)
    try:
        response = await _scheduled(addressees, request, query)
    except EventRefused as refused:
        return FetchResponse(400, text_headers(), str(refused).encode())
    return FetchResponse(200, text_headers(), b"Ran scheduled event") if response.status == 200 else response


async def _scheduled(addressees: Addressees, request: FetchRequest, query: Mapping[str, str]) -> FetchResponse:
    try:
        time_ms = int(query["time"]) if query.get("time") else time.time_ns() // 1_000_000
    except ValueError:
        raise EventRefused(f'time: expected milliseconds since 1970; got "{query["time"]}"') from None
    arguments = msgspec.json.encode({"cron": query.get("cron", ""), "time_ms": time_ms})
    outcome = await deliver(
        await addressees.of(query), "scheduled", arguments, request.calls, request_id=request.request_id
    )
    if query.get("format") == "json":
        return _told(outcome)
    return FetchResponse(outcome.status, text_headers(), outcome.outcome.encode())


async def _email(addressees: Addressees, request: FetchRequest, query: Mapping[str, str]) -> FetchResponse:
    sender, recipient = query.get("from"), query.get("to")
    raw = await _mail(request)
    if not raw or not sender or not recipient:
        raise EventRefused(
            "Invalid email. Your request must include URL parameters specifying the `from` and `to` addresses, as well "
            "as an email in the body"
        )
    message = BytesHeaderParser().parsebytes(raw)
    if not message["message-id"]:
        raise EventRefused("Email could not be parsed: invalid or no message id provided")
    _compare_envelope(sender, recipient, message["from"] or "", message.get_all("to", []))
    envelope = (("mail-from", sender), ("rcpt-to", recipient))
    outcome = await deliver(
        await addressees.of(query), "email", raw, request.calls, envelope, request_id=request.request_id
    )
    for forwarded in outcome.details["forwarded"]:  # type: ignore[attr-defined]  # a list, as the isolate sends it
        logger.info("email_forwarded to=%s", forwarded["to"])
    for reply in outcome.details["replies"]:  # type: ignore[attr-defined]  # as above
        logger.info("email_replied from=%s to=%s bytes=%d", reply["from"], reply["to"], len(reply["raw"]))
    if query.get("format") == "json":
        return _told(outcome)
    if outcome.outcome != "ok":
        return FetchResponse(outcome.status, text_headers(), outcome.error.encode())
    if (reason := outcome.details["rejected"]) is not None:
        raise EventRefused(f"Worker rejected email with the following reason: {reason}")
    return FetchResponse(200, text_headers(), b"Worker successfully processed email")


async def _queue(addressees: Addressees, request: FetchRequest, query: Mapping[str, str]) -> FetchResponse:
    try:
        given = msgspec.json.decode(await request.read(_BATCH_BYTES), type=_Messages)
    except msgspec.DecodeError as error:
        raise IncompleteRequest(f'Request body: expected {{"messages": [{{"body": ...}}]}}; {error}') from error
    name = query.get("queue") or given.queue
    if not name:
        raise EventRefused("queue: expected the name of the queue, as parameter of the URL or beside the messages")
    if not 1 <= len(given.messages) <= _MOST_MESSAGES:
        raise EventRefused(f"messages: expected 1 to {_MOST_MESSAGES}; got {len(given.messages)}")
    now_ms = time.time_ns() // 1_000_000
    messages = [
        {
            "id": message.id or uuid.uuid4().hex,
            "timestamp": now_ms if message.timestamp is None else message.timestamp,
            "attempts": message.attempts,
            "body": message.body,
        }
        for message in given.messages
    ]
    arguments = msgspec.json.encode({"queue": name, "messages": messages})
    return _told(
        await deliver(
            await addressees.of(query, name), "queue", arguments, request.calls, request_id=request.request_id
        )
    )


def _told(outcome: Outcome) -> FetchResponse:
    return FetchResponse(outcome.status, _JSON, msgspec.json.encode(outcome.details))


async def _mail(request: FetchRequest) -> bytes:
    try:
        raw = await request.read(_MAIL_BYTES)
    except RequestTooLarge:
        raise EventRefused(
            "Email message size is bigger than the production size limit of 25MiB. Local development has a lower limit "
            "of 1Mib."
        ) from None
    if len(raw) > _LOCAL_MAIL_BYTES:
        raise EventRefused(
            "Email message size is within the production size limit of 25MiB, but exceeds the lower 1Mib limit for "
            "testing locally."
        )
    return raw


def _compare_envelope(sender: str, recipient: str, header_from: str, header_to: list[str]) -> None:
    """Warn where envelope and headers differ: both may, but in a test it is mostly a slip."""
    if parseaddr(header_from)[1] != sender:
        logger.warning("email_envelope from=%s differs from the message's From header: %s", sender, header_from)
    if recipient not in [address for _, address in getaddresses(header_to)]:
        logger.warning("email_envelope to=%s is not in the message's To header: %s", recipient, ", ".join(header_to))


_ANSWERS: Final[
    dict[
        str,
        Callable[[Addressees, FetchRequest, Mapping[str, str]], Awaitable[FetchResponse]],
    ]
] = {"scheduled": _scheduled, "email": _email, "queue": _queue}
PATHS: Final = tuple(_PREFIX + name for name in _ANSWERS)
TEST_PATH: Final = "/__scheduled"
#: Where older versions of wrangler and Miniflare had these doors -> where they are.
MOVED: Final = {
    "/cdn-cgi/handler/scheduled": _PREFIX + "scheduled",
    "/cdn-cgi/handler/email": _PREFIX + "email",
    "/cdn-cgi/mf/scheduled": _PREFIX + "scheduled",
}
