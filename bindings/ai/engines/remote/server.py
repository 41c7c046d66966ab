"""One server: what it serves, how it is, and the answers that come from it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.engines.remote.adapters import ServerAdapters
from paddock.bindings.ai.engines.remote.answer import Answer
from paddock.bindings.ai.engines.remote.asking import asking, work_refusal
from paddock.bindings.ai.engines.remote.bodies import make_body, tokenize_body
from paddock.bindings.ai.engines.remote.health import Health
from paddock.bindings.ai.engines.remote.metrics import Gauges, read_gauges
from paddock.bindings.ai.engines.remote.refusals import (
    ServerBusy,
    ServerError,
    ServerLost,
    context_numbers,
    is_over_context,
    parse_error,
    refusal,
)
from paddock.bindings.ai.engines.remote.served import look_at
from paddock.bindings.ai.engines.remote.stream import read_stream
from paddock.bindings.errors import ContextOverflow, EngineDead, EngineUnavailable, LoraNotFound

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from httpx import Response

    from paddock.bindings.ai.engines.clock import Clock
    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest
    from paddock.bindings.ai.engines.remote.bodies import Body, SchemaField
    from paddock.bindings.ai.engines.remote.http import Http
    from paddock.bindings.ai.engines.remote.served import Served
    from paddock.bindings.ai.engines.remote.settings import RemoteSettings
    from paddock.bindings.ai.engines.work import Work

__all__ = ["Server"]

logger = logging.getLogger(__name__)


class _Count(msgspec.Struct):
    count: int


class Server:
    """Keeps the contract of `Engine.generate`, but for failures that another server may make good.

    Those are ServerLost and ServerBusy; they come before the first chunk, and ServerLost at any point.
    """

    def __init__(self, url: str, http: Http, settings: RemoteSettings, clock: Clock) -> None:
        self.url = url
        self.health = Health(clock)
        #: Requests of ours that it works on.
        self.open = 0
        #: None until it was asked.
        self.served: Served | None = None
        self._http = http
        self._settings = settings
        self._adapters = ServerAdapters(http, url, {}, settings.adapter_timeout_s)
        self._schema_field: SchemaField = "structured_outputs"
        self._asking = asyncio.Lock()

    @property
    def context_tokens(self) -> int | None:
        """Prompt and answer together, in tokens; None where neither the server nor the configuration says."""
        theirs = None if self.served is None else self.served.context_tokens
        return min(filter(None, (theirs, self._settings.context_tokens)), default=None)

    @property
    def trouble(self) -> str:
        """Its address, and why it is not used."""
        cause = self.health.cause
        return cause if self.url in cause else f"{self.url}: {cause or 'not asked yet'}"

    @property
    def is_asked(self) -> bool:
        """Somebody waits for its answer to `ask`."""
        return self._asking.locked()

    async def ask(self) -> bool:
        """Ask whether it is well and what it serves, once for all who want to know. True when it is up.

        Never raises: what is wrong becomes its `health`.
        """
        async with self._asking:
            if not self.health.is_due:
                return self.health.is_up
            try:
                await self._look()
            except (ServerLost, EngineUnavailable) as error:
                self.fail(str(error))
            return self.health.is_up

    def fail(self, cause: str) -> None:
        """Leave it out for a while."""
        pause_s = self.health.fail(cause)
        logger.warning("engine_server_lost url=%s pause_s=%.0f cause=%s", self.url, pause_s, cause)

    async def generate(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """As `Engine.generate`. Raises, besides, ServerLost and ServerBusy."""
        answer = Answer()
        self.open += 1
        try:
            if request.work is not None:
                yield await self._worked(request, request.work)
                return
            async with AsyncExitStack() as held:
                response = await self._opened(request, held)
                async with aclosing(read_stream(self._http.pieces(response), answer)) as chunks:
                    async for chunk in chunks:
                        self._check_context(answer, request)
                        self.health.recover()
                        yield chunk
        except ServerError as error:  # in the stream, whose status was 200
            if answer.has_told:
                raise EngineDead(f"{self.url} gave this answer up ({error.status}): {error.message}") from error
            raise await self._refusal(error, request) from error
        finally:
            self.open -= 1

    async def _worked(self, request: EngineRequest, work: Work) -> EngineChunk:
        """What work that is no generation came to, in one piece."""
        served, asked = self._known(), asking(work, self._settings)
        url = f"{self.url}{asked.path}"
        async with self._http.stream("POST", url, asked.body(served.name)) as response:
            if response.status_code == 200:
                content = b"".join([piece async for piece in self._http.pieces(response)])
                self.health.recover()
                return asked.read(content, url)
            error = parse_error(response.status_code, await self._http.beginning(response))
        raise work_refusal(error, asked, self.url, served, self.context_tokens) or await self._refusal(error, request)

    async def gauges(self) -> Gauges | None:
        """Its scheduler's counts; None where it does not tell."""
        try:
            reply = await self._http.ask("GET", f"{self.url}/metrics", timeout_s=self._settings.probe_timeout_s)
        except ServerLost:
            return None
        return read_gauges(reply.content) if reply.status == 200 else None

    async def _look(self) -> None:
        reply = await self._http.ask("GET", f"{self.url}/health", timeout_s=self._settings.probe_timeout_s)
        if reply.status >= 500:
            raise ServerLost(f"GET /health answers {reply.status}")
        self.served = served = await look_at(self._http, self.url, self._settings)
        self._adapters = ServerAdapters(self._http, self.url, served.adapters, self._settings.adapter_timeout_s)
        self._schema_field = "structured_outputs" if served.is_vllm else "response_format"
        self.health.begin()
        logger.info(
            "engine_server_up url=%s model=%s vllm=%s context_tokens=%s",
            self.url,
            served.name,
            served.version or "unknown",
            served.context_tokens,
        )

    # One answer

    async def _opened(self, request: EngineRequest, held: AsyncExitStack) -> Response:
        """The head of the stream; leaving `held` closes it. What the server did not take at first is sent otherwise."""
        mended: set[str] = set()
        while True:
            body = await self._body(request)
            attempt = await held.enter_async_context(AsyncExitStack())
            response = await attempt.enter_async_context(
                self._http.stream("POST", f"{self.url}{body.path}", body.content)
            )
            if response.status_code == 200:
                kind = response.headers.get("content-type", "no content type")
                if not kind.startswith("text/event-stream"):
                    raise EngineUnavailable(f"{self.url}{body.path} answers with {kind} in place of a stream.")
                return response
            error = parse_error(response.status_code, await self._http.beginning(response))
            await attempt.aclose()
            way = self._way_round(error, request)
            if way is None or way in mended:
                raise await self._refusal(error, request) from error
            mended.add(way)

    async def _body(self, request: EngineRequest) -> Body:
        served = self._known()
        model = served.name if request.adapter is None else await self._adapters.name(request.adapter)
        return make_body(request, model, self._schema_field, is_vllm=served.is_vllm, bos=served.bos)

    def _way_round(self, error: ServerError, request: EngineRequest) -> str | None:
        """A change that makes it worth asking once more; None when there is none."""
        if error.status == 404 and request.adapter is not None and self._adapters.forget(request.adapter):
            return "adapter"
        names_field = "structured_outputs" in f"{error.message} {error.parameter}"
        if (
            error.status in (400, 422)
            and names_field
            and request.sampling.json_schema is not None
            and self._schema_field == "structured_outputs"
            and "Grammar" not in error.message
        ):
            self._schema_field = "response_format"
            return "schema"
        return None

    def _check_context(self, answer: Answer, request: EngineRequest) -> None:
        """vLLM's server cuts an answer that its context has no room for; here that is an error.

        Only the server knows how long the prompt is, and says so with its first token: before anything is passed on.
        """
        limit = self.context_tokens
        if limit is not None and answer.prompt_tokens is not None:
            wanted = answer.prompt_tokens + request.sampling.max_tokens
            if wanted > limit:
                raise ContextOverflow(wanted, limit)

    async def _refusal(self, error: ServerError, request: EngineRequest) -> Exception:
        """What a refusal before the first chunk means."""
        if error.status == 502:
            return ServerLost(f"answers 502: {error.message}")
        if error.status == 503:
            return ServerBusy(error.message)
        if is_over_context(error):
            return await self._overflow(error, request)
        if error.status == 404 and request.adapter is not None:
            return LoraNotFound(request.adapter.name, hint=f"{self.url}: {error.message}")
        return refusal(error, request, self.url, self._known().text)

    async def _overflow(self, error: ServerError, request: EngineRequest) -> ContextOverflow:
        """Both numbers, from the text where it has them, else counted by the server, else estimated."""
        most = request.sampling.max_tokens
        wanted, limit = context_numbers(error, most)
        limit = min(filter(None, (limit, self.context_tokens)), default=0)
        if wanted is None:
            counted = await self._count(request)
            characters = len(request.prompt or "") + sum(len(message.content) for message in request.messages or ())
            wanted = (counted or characters // 4) + most
        return ContextOverflow(max(wanted, limit + 1), limit)

    async def _count(self, request: EngineRequest) -> int | None:
        """Tokens of the prompt, as the server counts them."""
        served = self._known()
        content = tokenize_body(request, served.name, served.bos)
        with contextlib.suppress(ServerLost, msgspec.MsgspecError):
            url = f"{self.url}/tokenize"
            reply = await self._http.ask("POST", url, timeout_s=self._settings.probe_timeout_s, content=content)
            if reply.status == 200:
                return msgspec.json.decode(reply.content, type=_Count).count
        return None

    def _known(self) -> Served:
        assert self.served is not None  # a server gets no request before it was asked
        return self.served
