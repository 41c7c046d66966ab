"""A stub of vLLM's server on loopback, which answers what a test tells it to, and remote engines in front of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, Message, SamplingParams
from paddock.bindings.ai.engines.remote.engine import RemoteEngine
from paddock.bindings.ai.engines.remote.settings import RemoteSettings

MODEL = "@cf/acme/chat"
NAME = "acme/chat"


class Asked(NamedTuple):
    """A request that came in. `body` is the JSON, or the bytes of a form."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Said(NamedTuple):
    """What the stub answers: a JSON value, bytes, or events of a stream; None among these breaks it off."""

    body: Any = b""
    status: int = 200
    events: tuple[Any, ...] | None = None
    kind: str = "application/json"


def model(name: str = NAME, **more: Any) -> dict[str, Any]:
    """A row of /v1/models, as vLLM writes it."""
    return {
        "id": name,
        "object": "model",
        "owned_by": "vllm",
        "root": name,
        "parent": None,
        "max_model_len": 100,
    } | more


def models(*rows: dict[str, Any]) -> Said:
    return Said({"object": "list", "data": list(rows)})


def usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}


def chat(delta: dict[str, Any], tokens: int, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a chat stream with usage counts, as vLLM writes it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **more}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], "usage": usage(7, tokens)}


def text(piece: str, tokens: int, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a completion stream."""
    choice = {"index": 0, "text": piece, "logprobs": None, "finish_reason": finish, **more}
    return {"id": "cmpl-1", "object": "text_completion", "choices": [choice], "usage": usage(7, tokens)}


def end(tokens: int, **more: Any) -> tuple[Any, ...]:
    """The events behind the last token: the final counts, and the end."""
    return ({"choices": [], "usage": usage(7, tokens, **more)}, "[DONE]")


def hello() -> Said:
    """A whole chat answer of two tokens."""
    return Said(
        events=(
            chat({"role": "assistant", "content": ""}, 0),
            chat({"content": "Hel"}, 1),
            chat({"content": "lo"}, 2, "stop"),
            *end(2),
        )
    )


class Stub:
    """One server. `answers` of a path are given in turn, the last one for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, deque[Said]] = {}
        #: Connections that the other end closed in the middle of a stream.
        self.broken = asyncio.Event()
        #: Streams stop here until it is set.
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""
        self._came = asyncio.Condition()
        self.connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[Any] = set()
        self.say("/health", Said(b""))
        self.say("/version", Said({"version": "0.32.0"}))
        self.say("/v1/models", models(model()))
        self.say("/tokenize", Said({"count": 1, "max_model_len": 100, "tokens": [1], "token_strs": ["<s>"]}))
        self.say("/v1/chat/completions", hello())

    def say(self, path: str, *answers: Said) -> None:
        self.answers[path] = deque(answers)

    def bodies(self, path: str = "/v1/chat/completions") -> list[Any]:
        return [asked.body for asked in self.asked if asked.path == path]

    async def arrival(self, count: int = 1, path: str = "/v1/chat/completions") -> None:
        """Return when this many requests for the path have come."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.bodies(path)) >= count)

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Refuse connections from now on, and break those off that are open."""
        if self._server is not None:
            self._server.close()
            for writer in list(self.connections):
                writer.transport.abort()
            if self._tasks:
                await asyncio.wait(self._tasks)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        sent: Any = body if headers.get("content-type", "").startswith("multipart/") else json.loads(body or "null")
        self.asked.append(Asked(method, path, headers, sent))
        async with self._came:
            self._came.notify_all()
        answers = self.answers.get(path) or deque([Said({"detail": "Not Found"}, 404)])
        said = answers.popleft() if len(answers) > 1 else answers[0]
        if said.events is not None:
            return await self._stream(reader, writer, said)
        content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        writer.write(
            f"HTTP/1.1 {said.status} X\r\ncontent-type: {said.kind}\r\ncontent-length: {len(content)}\r\n\r\n".encode()
        )
        writer.write(content)
        await writer.drain()
        return True

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: Said) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        assert said.events is not None
        for event in said.events:
            await self._pass(reader)
            if event is None:
                writer.transport.abort()
                return False
            data = event if isinstance(event, str | bytes) else json.dumps(event)
            piece = data if isinstance(data, bytes) else f"data: {data}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _pass(self, reader: asyncio.StreamReader) -> None:
        """Wait for the gate, and notice when the client goes away meanwhile."""
        if self.gate.is_set():
            return
        async with asyncio.TaskGroup() as tasks:
            gone = tasks.create_task(reader.read(1))
            opened = tasks.create_task(self.gate.wait())
            await asyncio.wait((gone, opened), return_when=asyncio.FIRST_COMPLETED)
            is_gone = gone.done()
            gone.cancel()
            opened.cancel()
        if is_gone:
            self.broken.set()
            raise ConnectionResetError


class Place(NamedTuple):
    """An engine, the stubs that it knows, and the clock that it goes by."""

    engine: RemoteEngine
    stubs: list[Stub]
    clock: ManualClock

    @property
    def stub(self) -> Stub:
        return self.stubs[0]

    async def ask(self, request: EngineRequest | None = None) -> list[EngineChunk]:
        async with aclosing(self.engine.generate(request or ask())) as chunks:
            return [chunk async for chunk in chunks]

    async def text(self, request: EngineRequest | None = None) -> str:
        return "".join(chunk.text for chunk in await self.ask(request))


def ask(question: str = "Hello?", max_tokens: int = 9, **more: Any) -> EngineRequest:
    fields = {name: more.pop(name) for name in list(more) if name in SamplingParams.__struct_fields__}
    prompt = more.pop("prompt", None)
    messages = None if prompt is not None else more.pop("messages", (Message("user", question),))
    return EngineRequest(SamplingParams(max_tokens=max_tokens, **fields), prompt=prompt, messages=messages, **more)


@asynccontextmanager
async def opened(count: int = 1, *, key: str | None = None, **settings: Any) -> AsyncIterator[Place]:
    """An engine in front of this many stubs."""
    async with AsyncExitStack() as held, asyncio.timeout(20):
        stubs = [Stub() for _ in range(count)]
        for stub in stubs:
            await stub.start()
            held.push_async_callback(stub.stop)
        clock = ManualClock()
        urls = tuple(stub.url for stub in stubs)
        engine = RemoteEngine(RemoteSettings(**{"model": MODEL, "urls": urls, **settings}), key, clock)
        held.push_async_callback(engine.close)
        yield Place(engine, stubs, clock)


@pytest.fixture
def place() -> Callable[..., Any]:
    """Opens an engine in front of some stubs: `async with place(2) as p`."""
    return opened


@pytest.fixture
def wire() -> SimpleNamespace:
    """What vLLM's server would write, and what asks it."""
    names = (Said, ask, chat, end, hello, model, models, text, usage)
    return SimpleNamespace(**{name.__name__.lower(): name for name in names})
