"""A queue as its producers see it. Source: workerd, api/queue: checks and texts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.jsonvalue import stringify
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher

__all__ = ["WorkerQueue"]

_URL: Final = "https://queue.paddock.internal/messages"


class WorkerQueue(JsProxy):
    """`env.QUEUE`."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    @promised
    async def send(self, body: object = None, options: object = None) -> None:
        """Send one message. `contentType` is json (the default), text, bytes or v8; `delaySeconds` delays it."""
        await self._post("send", [_draft(body, options, None)])

    @promised
    async def sendBatch(self, messages: object = None, options: object = None) -> None:
        """Send messages, each an object with `body` and perhaps options of its own."""
        if not isinstance(messages, Iterable):
            raise type_error("sendBatch: expected an iterable of messages")
        drafts = [_draft(read(message, "body"), message, read(options, "delaySeconds")) for message in messages]
        if not drafts:
            raise type_error("sendBatch() requires at least one message")
        await self._post("sendBatch", drafts)

    async def _post(self, verb: str, drafts: list[str]) -> None:
        body = f'{{"messages":[{",".join(drafts)}]}}'
        response = await self._fetcher.fetch(_URL, JsObject({"method": "POST", "body": body}))
        if not response.ok:
            raise JsException("Error", f"Queue {verb} failed: {await response.text()}")


def _draft(body: object, options: object, delay: object) -> str:
    """A message as JSON."""
    kind = read(options, "contentType")
    kind = "json" if is_nullish(kind) else js_string(kind)
    given = read(options, "delaySeconds")
    delay = delay if is_nullish(given) else given
    members = [f'"body":{_encoded(body, kind)}', f'"content_type":"{kind}"']
    if not is_nullish(delay):
        members.append(f'"delay_s":{stringify(delay)}')
    return "{" + ",".join(members) + "}"


def _encoded(body: object, kind: str) -> str:
    match kind:
        case "text":
            if not isinstance(body, str):
                raise type_error(f'Content Type "text" requires a value of type string, but received: {_typeof(body)}')
            return json.dumps(body)
        case "bytes":
            if not isinstance(body, JsBuffer):
                raise type_error(
                    f'Content Type "bytes" requires a value of type ArrayBufferView, but received: {_typeof(body)}'
                )
            return json.dumps(base64.b64encode(body.to_bytes()).decode())
        case "json" | "v8":
            text = stringify(body)
            if text is None:
                raise type_error("Message body cannot be undefined.")
            return text
    raise type_error(f"Unsupported queue message content type: {kind}")


def _typeof(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "undefined" if value is None else "object"
