"""What a server says of itself: its models, adapters, context and version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paddock.bindings.ai.engines.remote.refusals import ServerLost, parse_error
from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.remote.http import Http, Reply
    from paddock.bindings.ai.engines.remote.settings import RemoteSettings

__all__ = ["Served", "ServedModel", "choose_name", "describe", "look_at"]


class ServedModel(msgspec.Struct):
    """A row of /v1/models. What other servers leave out is None."""

    id: str
    #: The weights that it was started with; for an adapter its folder.
    root: str | None = None
    #: The base model of an adapter.
    parent: str | None = None
    max_model_len: int | None = None
    owned_by: str | None = None


class _Models(msgspec.Struct):
    data: list[ServedModel]


class _Version(msgspec.Struct):
    version: str


class _Tokens(msgspec.Struct):
    token_strs: list[str] | None = None


class Served(msgspec.Struct, frozen=True):
    """One server, as it was when it was looked at."""

    #: The name of our model there.
    name: str
    #: What else it serves, for people.
    text: str
    #: Prompt and answer together, in tokens; None where the server does not say.
    context_tokens: int | None
    #: Knows vLLM's own fields. A router in front of vLLM servers is one, when it shows their models unchanged.
    is_vllm: bool
    #: Of vLLM; empty where the server does not say.
    version: str
    #: Adapters that it has already: name -> folder there.
    adapters: dict[str, str]
    #: The beginning-of-sequence token, as text; None where the server cannot say.
    bos: str | None


async def look_at(http: Http, url: str, settings: RemoteSettings) -> Served:
    """Ask a server. Raises ServerLost when it does not answer, EngineUnavailable when it is not one for this model."""
    models = _models(url, await http.ask("GET", f"{url}/v1/models", timeout_s=settings.probe_timeout_s))
    name = choose_name(models, settings, url)
    version = await _version(http, url, settings)
    is_vllm = bool(version) or any(model.owned_by == "vllm" for model in models)
    known = next((model for model in models if model.id == name), None)
    return Served(
        name=name,
        text=describe(models),
        context_tokens=_context(models, known),
        is_vllm=is_vllm,
        version=version,
        adapters={model.id: model.root or "" for model in models if model.parent is not None},
        bos=await _bos(http, url, name, settings) if is_vllm else None,
    )


def choose_name(models: list[ServedModel], settings: RemoteSettings, url: str) -> str:
    """The configured name; else that of the only base model; else the model's repository or id, if it is served.

    Raises EngineUnavailable, which lists what is served.
    """
    if settings.remote_model is not None:
        if any(model.id == settings.remote_model for model in models):
            return settings.remote_model
        raise EngineUnavailable(
            f"{url} does not serve {settings.remote_model}; it serves {describe(models)}.",
            hint=f'remote_model of [paddock.models."{settings.model}"] names one of them.',
        )
    bases = [model for model in models if model.parent is None]
    # One set of weights may be served under several names.
    if bases and (len(bases) == 1 or (bases[0].root is not None and len({base.root for base in bases}) == 1)):
        return bases[0].id
    for wanted in filter(None, (settings.repository, settings.model)):
        for model in bases:
            if wanted in (model.id, model.root):
                return model.id
    raise EngineUnavailable(
        f"{url} serves {describe(models)}, and nothing says which of them is {settings.model}.",
        hint=f'Name it in [paddock.models."{settings.model}"] as remote_model.',
    )


def describe(models: list[ServedModel]) -> str:
    """The names of what is served."""
    return ", ".join(model.id for model in models) or "no model"


def _models(url: str, reply: Reply) -> list[ServedModel]:
    if reply.status in (401, 403):
        hint = "Give the server's key as PADDOCK_REMOTE_KEY in the environment, or as remote_key in [paddock.engine]."
        raise EngineUnavailable(f"{url} refuses the key ({reply.status}).", hint=hint)
    if reply.status in (502, 503, 504):
        raise ServerLost(f"GET /v1/models answers {reply.status}: {parse_error(reply.status, reply.content).message}")
    try:
        if reply.status == 200:
            return msgspec.json.decode(reply.content, type=_Models).data
        problem = f"GET /v1/models answers {reply.status}"
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        problem = f"GET /v1/models answers no list of models ({error})"
    raise EngineUnavailable(
        f"{url} is no OpenAI-compatible server: {problem}.", hint="Expected vLLM's server, 0.26 or newer."
    )


def _context(models: list[ServedModel], known: ServedModel | None) -> int | None:
    """That of our model. An adapter's row has none: it has its base model's."""
    if known is None:
        return None
    if known.max_model_len is not None:
        return known.max_model_len
    return next((model.max_model_len for model in models if model.id == known.parent), None)


async def _version(http: Http, url: str, settings: RemoteSettings) -> str:
    reply = await http.ask("GET", f"{url}/version", timeout_s=settings.probe_timeout_s)
    found = _lenient(reply, _Version)
    return found.version if found is not None else ""


async def _bos(http: Http, url: str, name: str, settings: RemoteSettings) -> str | None:
    """What the tokenizer puts before a text: a raw prompt that begins with it must not get it twice."""
    content = msgspec.json.encode({"model": name, "prompt": "", "return_token_strs": True})
    reply = await http.ask("POST", f"{url}/tokenize", timeout_s=settings.probe_timeout_s, content=content)
    found = _lenient(reply, _Tokens)
    return found.token_strs[0] if found is not None and found.token_strs else None


def _lenient(reply: Reply, kind: type[Any]) -> Any:
    """The reply as a struct, or None: not every server has these answers."""
    if reply.status != 200:
        return None
    try:
        return msgspec.json.decode(reply.content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
