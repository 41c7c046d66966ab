"""`env.AI.gateway(id)`: AI Gateway over the AI binding's fetcher. Source: workerd, `cloudflare-internal:aig-api`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.ai.inputs import first_error, members, request_init, stringified
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher
    from paddock.worker.isolate.web.response import Response

__all__ = ["AiGateway"]

_ORIGIN: Final = "https://workers-binding.ai/ai-gateway"
#: Option to header, of those that are sent as their text whenever they are given.
_HEADERS: Final = {"eventId": "cf-aig-event-id", "requestTimeoutMs": "cf-aig-request-timeout"}
_RETRY_HEADERS: Final = {
    "maxAttempts": "cf-aig-max-attempts",
    "retryDelayMs": "cf-aig-retry-delay",
    "backoff": "cf-aig-backoff",
}


class AiGateway(JsProxy):
    """One gateway. Failures are AiGatewayInternalError, an unknown log id is AiGatewayLogNotFound."""

    def __init__(self, fetcher: Fetcher, gateway_id: str) -> None:
        super().__init__()
        self._fetcher = fetcher
        self._id = gateway_id

    @promised
    async def getUrl(self, provider: object = None) -> object:
        """The gateway's address at Cloudflare, for one provider or for all."""
        name = "universal" if is_nullish(provider) else js_string(provider)
        response: Response = await self._fetcher.fetch(f"{_ORIGIN}/gateways/{self._id}/url/{name}")
        if not response.ok:
            raise await _failure(response)
        return read(read(await response.json(), "result"), "url")

    @promised
    async def getLog(self, log_id: str) -> object:
        """What is known of a run; its `created_at` is a Date."""
        response: Response = await self._fetcher.fetch(self._log_url(log_id))
        if response.status != 200:
            raise await _failure(response)
        entry = members(read(await response.json(), "result"), "result")
        return JsObject(entry | {"created_at": Date.new(entry["created_at"])})

    @promised
    async def patchLog(self, log_id: str, data: object) -> None:
        """Set `score`, `feedback` or `metadata` of a run."""
        headers = {"content-type": "application/json"}
        init = request_init("PATCH", headers, jsonvalue.stringify(data), None)
        response: Response = await self._fetcher.fetch(self._log_url(log_id), init)
        if response.status != 200:
            raise await _failure(response)

    @promised
    async def run(self, data: object, options: object = None) -> Response:
        """Try requests in their order until one succeeds. The Response comes as it is, failures too."""
        chosen = members(options, "options")
        requests = data if isinstance(data, JsArray | list) else [data]
        body = stringified([_with_text_headers(request) for request in requests])
        init = request_init("POST", _headers(chosen), body, chosen.get("signal"))
        response: Response = await self._fetcher.fetch(f"{_ORIGIN}/universal/run/{self._id}", init)
        return response

    def _log_url(self, log_id: str) -> str:
        return f"{_ORIGIN}/gateways/{self._id}/logs/{log_id}"


def _with_text_headers(request: object) -> dict[str, object]:
    """A request whose header values are text: objects as JSON."""
    sent = members(request, "data")
    headers = members(sent.get("headers"), "data.headers")
    return sent | {"headers": {name: _header_text(value) for name, value in headers.items()}}


def _header_text(value: object) -> object:
    if isinstance(value, bool | int | float):
        return js_string(value)
    return value if isinstance(value, str) or is_nullish(value) else stringified(value)


def _headers(options: dict[str, object]) -> dict[str, str]:
    """The headers that the gateway's options are sent as, then those that were given as such."""
    gateway = members(options.get("gateway"), "options.gateway")
    headers = {"content-type": "application/json"}
    for name, header in (("skipCache", "cf-aig-skip-cache"), ("collectLog", "cf-aig-collect-log")):
        if gateway.get(name) is not None:
            headers[header] = "true" if gateway[name] else "false"
    for name, header in (("cacheTtl", "cf-aig-cache-ttl"), ("cacheKey", "cf-aig-cache-key")):
        if gateway.get(name):
            headers[header] = js_string(gateway[name])
    if gateway.get("metadata"):
        headers["cf-aig-metadata"] = stringified(gateway["metadata"])
    headers |= {header: js_string(gateway[name]) for name, header in _HEADERS.items() if gateway.get(name) is not None}
    retries = members(gateway.get("retries"), "options.gateway.retries")
    headers |= {h: js_string(retries[name]) for name, h in _RETRY_HEADERS.items() if retries.get(name) is not None}
    extra = members(options.get("extraHeaders"), "options.extraHeaders")
    return headers | {name.lower(): js_string(value) for name, value in extra.items()}


async def _failure(response: Response) -> JsException:
    text = str(await response.text())
    is_missing = response.status == 404
    try:
        message = first_error(jsonvalue.parse(text))[1]
    except JsException:
        return JsException("AiGatewayInternalError", text)
    name = "AiGatewayLogNotFound" if is_missing else "AiGatewayInternalError"
    return JsException(name, message or ("Log Not Found" if is_missing else "Internal Error"))
