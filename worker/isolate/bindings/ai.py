"""`env.AI` as handlers see it: what workerd's own AI binding does, over its fetcher.

Source: workerd, `cloudflare-internal:ai-api`; the checks made before any request and the texts of the exceptions are
that module's. One POST to the fetcher; the reply becomes a value, a stream, a Response or a JsException.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, JsProxy, jsnull, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.request import Request

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher
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
        self.lastRequestId: object = jsnull
        self.aiGatewayLogId: object = jsnull
        self.lastRequestHttpStatusCode: object = jsnull
        self.lastRequestInternalStatusCode: object = jsnull

    @promised
    async def run(self, model: object, inputs: object = None, options: object = None) -> object:
        """Run a model. JSON comes back as a value, everything else as a ReadableStream, failures as exceptions."""
        chosen = _members(options)
        self.lastRequestId = ""
        headers = _headers(str(model), chosen)
        sent = {name: value for name, value in chosen.items() if name not in _LOCAL_OPTIONS}
        body = jsonvalue.stringify({"inputs": inputs, "options": sent})
        assert body is not None
        path = "/ai-gateway/run" if _gateway_id(chosen) else "/run"
        response = await self._send("POST", f"{path}?version=3", headers, body.encode(), chosen.get("signal"))
        self.lastRequestId = response.headers.get("cf-ai-req-id")
        self.aiGatewayLogId = response.headers.get("cf-aig-log-id")
        self.lastRequestHttpStatusCode = response.status
        if chosen.get("returnRawResponse"):
            return response
        if not response.ok or response.body is jsnull:
            raise self._failure(str(await response.text()))
        if response.headers.get("content-type") == "application/json":
            return await response.json()
        return response.body

    @promised
    async def models(self, params: object = None) -> object:
        """The models that match `params`, without their schemas."""
        query = urlencode({name: str(value) for name, value in _members(params).items()})
        response = await self._send("GET", f"/ai-api/models/search?{query}", (), None, None)
        reply = jsonvalue.parse(str(await response.text()))
        if response.status != 200:
            raise JsException("AiInternalError", _first_error(reply) or "Internal Error")
        return getattr(reply, "result", None)

    async def _send(
        self, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes | None, signal: object
    ) -> Response:
        request = Request.from_parts(method, _ORIGIN + path, headers, body, signal=signal)
        response: Response = await self._fetcher.fetch(request)
        return response

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
        if first := _first_error(body, with_code=True):
            return JsException("InferenceUpstreamError", first)
        return JsException("InferenceUpstreamError", text)


def _members(value: object) -> dict[str, object]:
    """The members of an options object, whether it came as a plain object or as a Python dict."""
    if value is None or value is jsnull:
        return {}
    if isinstance(value, dict):
        return {str(name): member for name, member in value.items()}
    if isinstance(value, JsObject):
        return {str(name): read(value, str(name)) for name in value.object_keys()}
    raise JsException("TypeError", f"options: expected an object; got {type(value).__name__}")


def _headers(model: str, options: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """Extra headers first, then the three fixed ones, which win (WA-094, WA-095)."""
    headers: dict[str, str] = {}
    session = _members(options.get("sessionOptions"))
    for extra in (session.get("extraHeaders"), options.get("extraHeaders")):
        headers |= {name.lower(): str(value) for name, value in _members(extra).items()}
    prefix = options.get("prefix")
    headers["content-type"] = "application/json"
    headers["cf-consn-sdk-version"] = _SDK_VERSION
    headers["cf-consn-model-id"] = f"{prefix}:{model}" if prefix else model
    return tuple(headers.items())


def _gateway_id(options: dict[str, object]) -> object:
    return _members(options.get("gateway")).get("id")


def _first_error(body: object, *, with_code: bool = False) -> str:
    errors = getattr(body, "errors", None)
    if not errors:
        return ""
    return f"{errors[0].code}: {errors[0].message}" if with_code else str(errors[0].message)
