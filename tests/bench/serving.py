"""The servers that `doors.py` measures, one a process, each until a signal ends it.

    serving.py paddock READY            `paddock dev` with the demo handler, and a scripted engine in vLLM's place
    serving.py plain READY ANSWERS      the same HTTP server with nothing behind it

READY is where the address is written when the server listens. ANSWERS is a file with a JSON object: name -> headers and
pieces of an answer; `/bare/{name}` gives it, and `/paced/{name}` waits for a token of the engine before each piece.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config as HypercornConfig
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.state import StateFolder
from paddock.worker import devserver, server
from paddock.worker.assembly import read_catalog
from paddock.worker.config.loading import load_config
from paddock.worker.config.settings import Overrides
from paddock.worker.listener import BACKLOG, listen
from paddock.worker.log import set_up_logging
from paddock.worker.options import DevOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hypercorn.typing import Framework
    from starlette.requests import Request

ROOT: Final = Path(__file__).resolve().parents[2]
TOKENS: Final = 32
_REPLY: Final = " ".join(["word"] * TOKENS)


def endless() -> ScriptedEngine:
    """An engine that gives the same 32 tokens to everybody."""
    return ScriptedEngine(itertools.repeat(_REPLY))


def run_paddock(ready: Path) -> None:
    """The dev server as users have it: log, reload and ledger included."""

    def make_service(config: Any, forkserver: object, on_end: Any) -> AiService:
        engine = endless()
        pool = EnginePool(find_weights, lambda card, weights: engine)
        return AiService(read_catalog(config), pool, on_end=on_end, state=StateFolder(config.state))

    devserver.make_service = make_service
    with tempfile.TemporaryDirectory() as folder:
        for name in ("handler.py", "wrangler-like.toml"):
            shutil.copy(ROOT / name, folder)
        with Path(folder, "wrangler-like.toml").open("a") as settings:
            settings.write('\n[paddock.engine]\nkind = "off"\n')
        set_up_logging("log")
        options = DevOptions(overrides=Overrides(ip="127.0.0.1", port=0), ready_file=ready)
        server.run_dev([load_config(start=Path(folder), overrides=options.overrides)], options)


def run_plain(ready: Path, answers: dict[str, Any]) -> None:
    """Starlette on the HTTP server that Paddock runs on."""
    engine = endless()

    async def paced(pieces: list[bytes]) -> AsyncIterator[bytes]:
        request = EngineRequest(SamplingParams(TOKENS), prompt="Hi")
        async with aclosing(engine.generate(request)) as chunks:
            async for _ in chunks:
                if pieces:
                    yield pieces.pop(0)

    async def bare(pieces: list[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def answer(request: Request) -> Response:
        await request.body()
        found = answers[request.path_params["name"]]
        pieces = [piece.encode() for piece in found["pieces"]]
        source = paced if request.path_params["pace"] == "paced" else bare
        if len(pieces) > 1:
            return StreamingResponse(source(pieces), headers=found["headers"])
        return Response(b"".join([piece async for piece in source(pieces)]), headers=found["headers"])

    app = Starlette(routes=[Route("/{pace}/{name}", answer, methods=["GET", "POST"])])
    sockets = listen("127.0.0.1", 0, is_fixed=True)
    ready.write_text(json.dumps({"ip": "127.0.0.1", "port": sockets[0].getsockname()[1]}))
    config = HypercornConfig()  # as it is, without what Paddock changes in it
    config.bind = [f"fd://{sock.detach()}" for sock in sockets]
    config.backlog, config.keep_alive_timeout, config.keep_alive_max_requests = BACKLOG, 75.0, sys.maxsize
    config.accesslog = config.errorlog = None
    config.include_server_header = False
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(cast("Framework", app), config))


if __name__ == "__main__":
    kind, ready, *rest = sys.argv[1:]
    if kind == "paddock":
        run_paddock(Path(ready))
    else:
        run_plain(Path(ready), json.loads(Path(rest[0]).read_text()))
