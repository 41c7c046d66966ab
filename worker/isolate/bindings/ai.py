"""`env.AI` as handlers see it: what workerd's own AI binding does, over its fetcher.

Source: workerd, `cloudflare-internal:ai-api`; the checks made before any request and the texts of the exceptions are
that module's. One POST to the fetcher; the reply becomes a value, a stream, a Response or a JsException.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urlencode

from paddock.worker.isolate.ai.gateway import AiGateway
from paddock.worker.isolate.ai.inputs import first_error, members, request_init, single_stream, stringified
from paddock.worker.isolate.ai.markdown import ToMarkdownService
from paddock.worker.isolate.notes import AiCall, note_call
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsProxy, crossing, is_nullish, null, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher
    from paddock.worker.isolate.web.promise import Promise
    from paddock.worker.isolate.web.response import Response

__all__ = ["Ai"]

_ORIGIN: Final = "https://workers-binding.ai"
_SDK_VERSION: Final = "2.0.0"
#: Options that shape the request and are never sent.
_LOCAL_OPTIONS: Final = ("prefix", "extraHeaders", "sessionOptions", "signal")


class Ai(JsProxy):
    """The binding. `lastRequestId` and its siblings describe the latest call, as in production."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher
        self.lastRequestId: object = null()
        self.aiGatewayLogId: object = null()
        self.lastRequestHttpStatusCode: object = null()
        self.lastRequestInternalStatusCode: object = null()

    @promised
    async def run(self, model: object, inputs: object = None, options: object = None) -> object:
        """Run a model. JSON comes back as a value, everything else as a ReadableStream, failures as exceptions."""
        chosen = members(options, "options")
        self.lastRequestId = ""
        response, note = await self._request(model, inputs, chosen)
        self.lastRequestId = response.headers.get("cf-ai-req-id")
        self.aiGatewayLogId = response.headers.get("cf-aig-log-id")
        self.lastRequestHttpStatusCode = response.status
        if chosen.get("returnRawResponse"):
            return response
        if not response.ok or is_nullish(response.body):
            failure = self._failure(str(await response.text()))
            note.answer = str(failure)
            raise failure
        if response.headers.get("content-type") == "application/json":
            note.answer = await response.json()
            return crossing(note.answer)
        note.answer = "(a stream)"
        return response.body

    @promised
    async def models(self, params: object = None) -> object:
        """The models that match `params`, without their schemas."""
        query = urlencode({name: js_string(value) for name, value in members(params, "params").items()})
        response = await self._fetcher.fetch(f"{_ORIGIN}/ai-api/models/search?{query}")
        reply = await response.json()
        if response.status != 200:
            raise JsException("AiInternalError", first_error(reply)[1] or "Internal Error")
        return getattr(reply, "result", None)

    def toMarkdown(self, files: object = None, options: object = None) -> ToMarkdownService | Promise[object]:
        """A promise for one converted document, or for as many as were given; without files, the service itself."""
        service = ToMarkdownService(self._fetcher)
        is_falsy = is_nullish(files) or files in ("", 0)  # in JavaScript, unlike an array without documents
        return service if is_falsy else service.transform(files, options)

    def gateway(self, gateway_id: str, options: object = None) -> AiGateway:
        """The AI Gateway of this id. `options` chooses how to reach it in production; here there is one way."""
        return AiGateway(self._fetcher, gateway_id)

    def fetch(self, resource: object, init: object = None) -> Promise[Response]:
        """The fetcher's answer to a request in the binding's own protocol."""
        return self._fetcher.fetch(resource, init)

    def getLogs(self) -> JsArray:
        """Always empty; production's has been, too, since it was deprecated."""
        return JsArray([])

    def autorag(self, autorag_id: object = None) -> NoReturn:
        """Refused: there is no search index here."""
        raise _refused("autorag", "AutoRAG searches data that is stored at Cloudflare")

    def aiSearch(self) -> NoReturn:
        """Refused: there is no search index here."""
        raise _refused("aiSearch", "AI Search searches data that is stored at Cloudflare")

    def websearch(self, request: object = None, params: object = None) -> NoReturn:
        """Refused: nothing here searches the Web."""
        raise _refused("websearch", "it searches the Web through Cloudflare")

    async def _request(self, model: object, inputs: object, options: dict[str, object]) -> tuple[Response, AiCall]:
        """Send the run: as JSON, or with the one input that is a stream as the body. It is noted for the error page."""
        if options.get("websocket"):
            raise _refused("run with options.websocket", "no model here takes a WebSocket")
        sent = {name: value for name, value in options.items() if name not in _LOCAL_OPTIONS}
        is_gateway = bool(members(options.get("gateway"), "options.gateway").get("id"))
        stream = single_stream(inputs, is_gateway=is_gateway)
        if stream is None:
            text = stringified({"inputs": inputs, "options": sent})
            path = "/ai-gateway/run?version=3" if is_gateway else "/run?version=3"
            body: object = text
            content_type = "application/json"
        else:
            text = stringified(stream.others)
            query = {**sent, "version": "3", "userInputs": text}
            path = "/run?" + urlencode({name: js_string(value) for name, value in query.items()})
            body, content_type = stream.body, stream.content_type
        init = request_init("POST", _headers(model, options, content_type), body, options.get("signal"))
        note = note_call(js_string(model), text)
        response: Response = await self._fetcher.fetch(_ORIGIN + path, init)
        return response, note

    def _failure(self, text: str) -> JsException:
        """The exception that a failed reply stands for: its own code, its first error, or its whole text."""
        try:
            body = jsonvalue.parse(text)
        except JsException:
            return JsException("InferenceUpstreamError", text)
        code = getattr(body, "internalCode", None)
        if code:
            self.lastRequestInternalStatusCode = code
            name = getattr(body, "name", None) or "InferenceUpstreamError"
            return JsException(str(name), f"{code}: {read(body, 'description')}")
        number, message = first_error(body)
        return JsException("InferenceUpstreamError", f"{number}: {message}" if number else text)


def _headers(model: object, options: dict[str, object], content_type: str) -> dict[str, str]:
    """Extra headers first, then the three fixed ones, which win (WA-094, WA-095)."""
    headers: dict[str, str] = {}
    session = members(options.get("sessionOptions"), "options.sessionOptions")
    for extra in (session.get("extraHeaders"), options.get("extraHeaders")):
        headers |= {name.lower(): js_string(value) for name, value in members(extra, "extraHeaders").items()}
    prefix = options.get("prefix")
    headers["content-type"] = content_type
    headers["cf-consn-sdk-version"] = _SDK_VERSION
    name = js_string(model)
    headers["cf-consn-model-id"] = f"{js_string(prefix)}:{name}" if prefix else name
    return headers


def _refused(what: str, reason: str) -> JsException:
    return JsException("AiInternalError", f"env.AI.{what} is not served by Paddock: {reason}")
