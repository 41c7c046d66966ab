"""Cloudflare's REST API for Workers AI, below `/client/v4/accounts/{account_id}/ai`.

Source: developer docs, API reference; captured replies; WA-112 to WA-132. Success and failure travel in Cloudflare's
envelope, streams do not. A request meets, in this order: its route (7003, 7000), its method (7001), its token (10000),
and only then the AI service.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from paddock.bindings.ai import sse
from paddock.bindings.ai.admission import admit
from paddock.bindings.ai.doors import conversion, envelope, finetunes
from paddock.bindings.ai.doors.access import OPEN
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.doors.streamed import binary_input, takes_bytes
from paddock.bindings.ai.listing import ModelQuery, authors, schemas, search_page, tasks
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import IncompleteRequest, PaddockError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paddock.bindings.ai.doors.access import Access
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest

__all__ = ["ACCOUNT", "PREFIX", "ROUTES", "UPLOAD", "Call", "Route", "answer"]

PREFIX: Final = "/client/v4/"
#: What stands before a route.
ACCOUNT: Final = "/client/v4/accounts/{account_id}/ai/"
#: Paths that take bodies of up to finetunes.MAX_UPLOAD_BYTES.
UPLOAD: Final = re.compile(r"/client/v4/accounts/[^/]+/ai/finetunes/[^/]+/finetune-assets/?")
_ACCOUNTS: Final = "/client/v4/accounts/"
#: Any word will do for an account here; a placeholder that nobody filled in (`{account_id}`, `$ACCOUNT`) will not.
_ACCOUNT_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
_NO_ROUTE: Final = "No route for that URI"


class Call(NamedTuple):
    """A request that has found its route. `path` has the route's variables, `query` the last value of each name."""

    service: AiService
    request: FetchRequest
    limit_bytes: int
    request_id: str
    path: Mapping[str, str]
    query: Mapping[str, str]


class Route(NamedTuple):
    """One row of the table. In `path`, `{model}` takes everything that is left, other variables one segment."""

    method: str
    path: str
    answer: Callable[[Call], Awaitable[FetchResponse]]
    summary: str
    #: Query parameters: name -> meaning.
    query: Mapping[str, str] = {}


async def answer(service: AiService, request: FetchRequest, limit_bytes: int, access: Access = OPEN) -> FetchResponse:
    """Answer one request whose path starts with PREFIX. A HEAD request gets the answer to the same GET."""
    url = urlsplit(request.url)
    account, slash, below = url.path.removeprefix(_ACCOUNTS).partition("/")
    if not url.path.startswith(_ACCOUNTS):
        return envelope.platform_failure(404, 7000, _NO_ROUTE)
    # An account that is missing altogether leaves the next word in its place.
    if not _ACCOUNT_ID.fullmatch(unquote(account)) or (account == "ai" and not below.startswith("ai/")):
        text = f"Could not route to {url.path}, perhaps your object identifier is invalid?"
        return envelope.platform_failure(404, 7003, text)
    found = _routes_of(below.removeprefix("ai/")) if slash and below.startswith("ai/") else {}
    if not found:
        return envelope.platform_failure(404, 7000, _NO_ROUTE)
    method = "GET" if request.method == "HEAD" else request.method
    if method not in found:
        return envelope.wrong_method(request.method, (*found, *(["HEAD"] if "GET" in found else [])))
    if not access.admits(request):
        return envelope.authentication_failure()
    route, variables = found[method]
    call = Call(service, request, limit_bytes, str(uuid.uuid4()), variables, dict(parse_qsl(url.query)))
    try:
        return await route.answer(call)
    except PaddockError as error:
        return envelope.failure(error, call.request_id)


def _routes_of(path: str) -> dict[str, tuple[Route, dict[str, str]]]:
    """Method -> route and its variables. The table's first path that fits decides."""
    for pattern, routes in _PATTERNS:
        if match := pattern.fullmatch(path):
            variables = {name: unquote(value) for name, value in match.groupdict().items()}
            return {route.method: (route, variables) for route in routes}
    return {}


async def _run(call: Call) -> FetchResponse:
    model, body = call.path["model"], await call.request.read(call.limit_bytes)
    # A recording or a picture may be the body as it is, whatever its type is called: curl calls it a form.
    is_json = "json" in (call.request.header("content-type") or "") or body.lstrip()[:1] in (b"{", b"[", b'"', b"")
    if not is_json and model in call.service.catalog.ids() and takes_bytes(call.service.catalog.card(model)):
        return await _run_model(call, model, {binary_input(call.service.catalog.card(model)): body})
    return await _run_model(call, model, parse_json(body))


async def _run_named(call: Call) -> FetchResponse:
    """The model stands in the body: beside `input` or `inputs`, or among the inputs themselves."""
    body = parse_json(await call.request.read(call.limit_bytes))
    model = body.pop("model", None) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(model, str):
        raise IncompleteRequest("Request is missing headers or body: model")
    inner = next((body[name] for name in ("inputs", "input") if isinstance(body.get(name), dict)), None)
    if inner is not None and "options" in body:
        inner = {**inner, "options": body["options"]}
    return await _run_model(call, model, body if inner is None else inner)


async def _run_model(call: Call, model: str, body: object) -> FetchResponse:
    options: dict[str, object] = dict(call.query)
    if isinstance(body, dict) and isinstance(body.get("options"), dict):
        options |= body.pop("options")
    if (batch := await admit(call.service, model, body, options)) is not None:
        return envelope.success(batch, (("cf-ai-req-id", call.request_id),))
    result = await call.service.run(model, body, call.request.calls, keep_alive=options.get("keep_alive"))
    headers = (("cf-ai-req-id", call.request_id), *result.headers)
    if result.events is not None:
        return FetchResponse(200, (("content-type", sse.CONTENT_TYPE), *headers), result.events)
    return envelope.success(result.output, headers)


async def _models(call: Call) -> FetchResponse:
    return envelope.page(search_page(call.service, ModelQuery.from_pairs(call.query.items())))


async def _schema(call: Call) -> FetchResponse:
    if "model" not in call.query:
        raise IncompleteRequest("Request is missing headers or body: model")
    return envelope.success(schemas(call.service, call.query["model"]))


async def _tasks(call: Call) -> FetchResponse:
    return envelope.success(tasks(call.service))


async def _authors(call: Call) -> FetchResponse:
    return envelope.success(authors(call.service))


async def _finetunes(call: Call) -> FetchResponse:
    return envelope.success(await finetunes.listed(call.service.finetunes))


async def _public_finetunes(call: Call) -> FetchResponse:
    return envelope.success(await finetunes.public(call.service.finetunes, call.query))


async def _create_finetune(call: Call) -> FetchResponse:
    body = parse_json(await call.request.read(call.limit_bytes))
    return envelope.success(await finetunes.created(call.service.finetunes, body))


async def _upload_finetune(call: Call) -> FetchResponse:
    return envelope.success(await finetunes.uploaded(call.service.finetunes, call.path["finetune"], call.request))


async def _to_markdown(call: Call) -> FetchResponse:
    content_type = call.request.header("content-type") or ""
    wanted = conversion.from_form(content_type, await call.request.read(call.limit_bytes))
    return envelope.success(await call.service.markdown.transform(wanted.documents, wanted.options))


async def _markdown_formats(call: Call) -> FetchResponse:
    return envelope.success(call.service.markdown.supported())


_RUN_QUERY: Final = {
    "queueRequest": "true: accept the inputs `requests` as a batch, whose `request_id` fetches the answers later",
    "rejectIfBusy": "true: 429 and code 3040 at once where the call would have to wait",
    "keep_alive": "how long the model stays loaded after the call: seconds, 5m, 1h30m; below 0 is for ever",
}
_SEARCH_QUERY: Final = {
    "search": "only models with this text in name or description",
    "task": "only models of the task of this name",
    "author": "only models of this author",
    "source": "1 for @cf models, 2 for @hf models",
    "hide_experimental": "true leaves out beta models",
    "include_deprecated": "true lists models for up to three months after their planned deprecation date",
    "page": "counts from 1",
    "per_page": "models on a page",
}
#: Every route below ACCOUNT; the OpenAPI document is written from it.
ROUTES: Final = (
    Route("POST", "run/{model}", _run, "Run a model; the body is its inputs.", _RUN_QUERY),
    Route("POST", "run", _run_named, "Run the model that the body names.", _RUN_QUERY),
    Route("GET", "models/search", _models, "List the catalog, a page at a time.", _SEARCH_QUERY),
    Route("GET", "models/schema", _schema, "Input and output schema of a model.", {"model": "the model's id"}),
    Route("GET", "tasks/search", _tasks, "List the tasks of the catalog's models."),
    Route("GET", "authors/search", _authors, "List the authors of the catalog's models."),
    Route("GET", "finetunes", _finetunes, "List the finetunes."),
    Route("POST", "finetunes", _create_finetune, "Create a finetune: a name for a LoRA adapter of a model."),
    Route("GET", "finetunes/public", _public_finetunes, "List the finetunes that are public.", finetunes.PUBLIC_QUERY),
    Route("POST", "finetunes/{finetune}/finetune-assets", _upload_finetune, "Upload one of a finetune's two files."),
    Route("POST", "tomarkdown", _to_markdown, "Convert documents to Markdown, each for itself."),
    Route("GET", "tomarkdown/supported", _markdown_formats, "List the formats that can be converted."),
)


def _pattern(path: str) -> re.Pattern[str]:
    """A route's path as an expression; finetunes have a slash at the end in some clients (WA-116)."""
    expression = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] == 'model' else '[^/]+'})", path)
    return re.compile(expression + ("/?" if path.startswith("finetunes") else ""))


_PATTERNS: Final = tuple(
    (_pattern(path), tuple(route for route in ROUTES if route.path == path))
    for path in dict.fromkeys(route.path for route in ROUTES)
)
