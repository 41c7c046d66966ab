"""The OpenAI-compatible API, below `/client/v4/accounts/{account}/ai/v1`: any text model of the catalog answers there,
and any embedding model below `embeddings`.

Successful bodies are OpenAI's own objects, without an envelope; failures travel in Cloudflare's, and say the same once
more where OpenAI's clients look (`openai_failure.py`). What clients send beyond the model's schema is brought into its
form first (`openai_inputs.py`), and then checked like any other call.
Source: developer docs, OpenAI compatible API endpoints; captured replies; WA-127 to WA-130.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.admission import admit
from paddock.bindings.ai.doors import envelope
from paddock.bindings.ai.doors.access import OPEN
from paddock.bindings.ai.doors.envelope import JSON
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.doors.openai_failure import explained
from paddock.bindings.ai.doors.openai_inputs import chat_inputs, completion_inputs, embedding_inputs
from paddock.bindings.ai.doors.responses_inputs import responses_inputs
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import InputError, PaddockError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.doors.access import Access
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.bindings.binding import FetchRequest

    #: What makes inputs of a body, and the shape of the answer.
    _Generation = tuple[Callable[[Mapping[str, object]], dict[str, object]], Dialect]

__all__ = ["PATH", "answer"]

#: Paths of this door.
PATH: Final = re.compile(r"/client/v4/accounts/[^/]+/ai/v1/(?P<rest>.+)")

#: What answers below the prefix with a generation, and how its body becomes inputs of the model.
_GENERATIONS: Final[dict[str, _Generation]] = {
    "chat/completions": (chat_inputs, "openai"),
    "completions": (completion_inputs, "openai"),
    "responses": (responses_inputs, "responses"),
    "embeddings": (embedding_inputs, "openai"),
}
#: OpenAI's clients ask for both of every server, so they are here; a program that counts on them would fail there.
_MODELS_HINT: Final = ("paddock-hint", "Production has no such path below /ai/v1: it answers with 405 and code 7001.")
_RESPONSES_HINT: Final = ("paddock-hint", "Production has /ai/v1/responses for gpt-oss models only.")


async def answer(service: AiService, request: FetchRequest, limit_bytes: int, access: Access = OPEN) -> FetchResponse:
    """Answer one request whose path matches PATH."""
    if not access.admits(request):
        return explained(envelope.authentication_failure())
    return explained(await _answer(service, request, limit_bytes))


async def _answer(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    match = PATH.fullmatch(urlsplit(request.url).path)
    rest = match["rest"] if match else ""
    is_list = rest == "models" or rest.startswith("models/")
    generation = _GENERATIONS.get(rest)
    if generation is None and not is_list:
        return envelope.platform_failure(404, 7000, "No route for that URI")
    allowed = ("GET", "HEAD") if is_list else ("POST",)
    if request.method not in allowed:
        return envelope.wrong_method(request.method, allowed)
    if generation is not None:
        return await _generate(service, request, limit_bytes, *generation)
    return _models(service, rest.removeprefix("models").removeprefix("/"))


async def _generate(
    service: AiService,
    request: FetchRequest,
    limit_bytes: int,
    prepare: Callable[[Mapping[str, object]], dict[str, object]],
    dialect: Dialect,
) -> FetchResponse:
    request_id = str(uuid.uuid4())
    try:
        body = parse_json(await request.read(limit_bytes))
        if not isinstance(body, dict):
            raise InputError(f"Error: expected a JSON object as body; got {type(body).__name__}")
        model, inputs = _model(body), prepare(body)
        inputs.pop("options", None)
        options = _options(request, body)
        await admit(service, model, inputs, options)  # none of these inputs is a batch
        result = await service.run(model, inputs, request.calls, dialect, keep_alive=options.get("keep_alive"))
    except PaddockError as error:
        return envelope.failure(error, request_id)
    more = (_RESPONSES_HINT,) if dialect == "responses" and "/gpt-oss" not in model else ()
    headers = (("cf-ai-req-id", request_id), *result.headers, *more)
    if result.events is not None:
        return FetchResponse(200, (("content-type", sse.CONTENT_TYPE), *headers), result.events)
    return FetchResponse(200, (JSON, *headers), msgspec.json.encode(result.output))


def _options(request: FetchRequest, body: Mapping[str, object]) -> dict[str, object]:
    options: dict[str, object] = dict(parse_qsl(urlsplit(request.url).query))
    given = body.get("options")
    return options | given if isinstance(given, dict) else options


def _model(body: Mapping[str, object]) -> str:
    model = body.get("model")
    if not isinstance(model, str):
        raise InputError(f"Error: model: expected a model id such as @cf/microsoft/phi-2; got {model!r}")
    return model


def _models(service: AiService, wanted: str) -> FetchResponse:
    """The catalog as OpenAI lists models, or one of them."""
    if wanted:
        try:
            body: object = _listed(service.catalog.card(unquote(wanted)))
        except PaddockError as error:
            return envelope.failure(error, str(uuid.uuid4()))
    else:
        body = {"object": "list", "data": [_listed(card) for card in service.catalog]}
    return FetchResponse(200, (JSON, _MODELS_HINT), msgspec.json.encode(body))


def _listed(card: ModelCard) -> dict[str, object]:
    """`owned_by` is the author in the model id. Clients want a number in `created`; early cards have no date."""
    created = 0
    if card.created_at is not None:
        with contextlib.suppress(ValueError):
            moment = datetime.datetime.fromisoformat(card.created_at)
            created = int(moment.replace(tzinfo=datetime.UTC).timestamp())
    return {
        "id": card.name,
        "object": "model",
        "created": created,
        "owned_by": card.name.rpartition("/")[0].rpartition("/")[2],
    }
