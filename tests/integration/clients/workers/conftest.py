"""What runs JavaScript Workers: real workerd, and Miniflare."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine

_WORKERD = """
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2026-04-01",
      compatibilityFlags = ["nodejs_compat"],
      bindings = [
        (name = "AI", wrapped = (moduleName = "cloudflare-internal:ai-api",
          innerBindings = [(name = "fetcher", service = "paddock")])),
      ],
    )),
    (name = "paddock", external = (address = "%s", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
"""

_MINIFLARE = """
import { Miniflare } from "miniflare";

const worker = new Miniflare({
  modules: true,
  scriptPath: "worker.js",
  compatibilityDate: "2026-04-01",
  compatibilityFlags: ["nodejs_compat"],
  cf: false,
  ai: { binding: "AI", remoteProxyConnectionString: new URL(process.argv[2]) },
});
process.stdout.write(JSON.stringify({ port: Number((await worker.ready).port) }) + "\\n");
process.stdin.resume();
process.stdin.on("end", () => worker.dispose());
"""

#: `async with workerd(javascript, paddock_url) as client:` - the client asks the Worker.
Runtime = Callable[[str, str], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def bundled(project_of, node_files, run) -> Callable[..., str]:
    """`bundled("worker_x", *packages)`: the Worker `node/worker_x.mjs` with all that it imports, as one module."""

    def make(name: str, *packages: str) -> str:
        folder = project_of(node_files, *packages, "esbuild")
        arguments = ("--bundle", "--format=esm", "--conditions=workerd,worker,browser", "--external:node:*")
        ended = run(["node_modules/.bin/esbuild", f"{name}.mjs", *arguments], folder)
        assert ended.code == 0, ended.err
        return ended.out

    return make


@pytest.fixture
def workerd(installed, environment, tmp_path: Path) -> Runtime:
    """Real workerd, configured as the README says."""

    @contextlib.asynccontextmanager
    async def run(source: str, paddock: str) -> AsyncIterator[httpx.AsyncClient]:
        folder = _project(tmp_path, installed("workerd"), source)
        config = folder / "config.capnp"
        config.write_text(_WORKERD % httpx.URL(paddock).netloc.decode())
        (binary,) = folder.glob("node_modules/@cloudflare/workerd-*/bin/workerd")
        reading, writing = os.pipe()
        command = (str(binary), "serve", str(config), f"--control-fd={writing}")
        async with _process(*command, folder=folder, environment=environment, pass_fds=(writing,)):
            os.close(writing)
            port = json.loads(await asyncio.to_thread(_first_line, reading))["port"]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client

    return run


@pytest.fixture
def miniflare(installed, environment, tmp_path: Path) -> Runtime:
    """Miniflare with `remoteProxyConnectionString`, configured as the README says."""

    @contextlib.asynccontextmanager
    async def run(source: str, paddock: str) -> AsyncIterator[httpx.AsyncClient]:
        folder = _project(tmp_path, installed("miniflare"), source)
        (folder / "start.mjs").write_text(_MINIFLARE)
        async with _process("node", "start.mjs", paddock, folder=folder, environment=environment) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            port = json.loads(await process.stdout.readline())["port"]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
            process.stdin.close()
            await process.wait()

    return run


class Called(NamedTuple):
    """The Worker's answers to POST requests, each with its arguments as JSON."""

    client: httpx.AsyncClient

    async def __call__(self, function: str, **arguments: Any) -> Any:
        answer = (await self.client.post(f"/{function}", json=arguments)).json()
        assert "value" in answer, answer
        return answer["value"]

    async def refusal(self, function: str, **arguments: Any) -> dict[str, Any]:
        answer = (await self.client.post(f"/{function}", json=arguments)).json()
        assert "error" in answer, answer
        refusal: dict[str, Any] = answer["error"]
        return refusal


@pytest.fixture(params=["workerd", "miniflare"])
def in_worker(request: pytest.FixtureRequest, serve) -> Callable[..., Any]:
    """`in_worker(source, use, engine)`: what `await use(called)` gives, on each runtime.

    `engine` is a scripted engine, or the address of a server.
    """
    runtime: Runtime = request.getfixturevalue(request.param)

    def run(source: str, use: Callable[[Called], Awaitable[Any]], engine: ScriptedEngine | str) -> Any:
        async def at(url: str) -> Any:
            async with runtime(source, url) as client:
                return await use(Called(client))

        async def main() -> Any:
            if isinstance(engine, str):
                return await at(engine)
            async with serve(None, engine) as running:
                return await at(str(running.client.base_url).rstrip("/"))

        return asyncio.run(main())

    return run


def _first_line(descriptor: int) -> str:
    with open(descriptor) as pipe:
        return pipe.readline()


def _project(tmp_path: Path, installed: Path, source: str) -> Path:
    folder = tmp_path / "javascript"
    folder.mkdir()
    (folder / "worker.js").write_text(source)
    (folder / "node_modules").symlink_to(installed / "node_modules")
    return folder


@contextlib.asynccontextmanager
async def _process(
    *command: str, folder: Path, environment: dict[str, str], pass_fds: tuple[int, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, pass_fds=pass_fds, stdin=pipe, stdout=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
