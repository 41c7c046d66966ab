"""Published clients as child processes: real workerd, and Miniflare. `make test-clients` installs them."""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest

#: Where `make test-clients` installs npm packages.
_CACHE = Path(__file__).parents[3] / ".cache" / "clients"

_WORKERD = """
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2026-04-01",
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
def node_modules() -> Path:
    """The folder of the installed packages. Skips without Node.js or without them."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    folder = _CACHE / "node_modules"
    for package in ("workerd", "miniflare"):
        if not (folder / package).is_dir():
            pytest.skip(f"the npm package {package} is not installed: run `make test-clients`")
    return folder


@pytest.fixture
def workerd(node_modules: Path, tmp_path: Path) -> Runtime:
    """Real workerd, configured as the README says."""

    @contextlib.asynccontextmanager
    async def run(source: str, paddock: str) -> AsyncIterator[httpx.AsyncClient]:
        folder = _project(tmp_path, node_modules, source)
        config = folder / "config.capnp"
        config.write_text(_WORKERD % httpx.URL(paddock).netloc.decode())
        binary = await _output("node", "-p", "require('workerd').default", folder=folder)
        reading, writing = os.pipe()
        command = (binary, "serve", str(config), f"--control-fd={writing}")
        async with _process(*command, folder=folder, pass_fds=(writing,)):
            os.close(writing)
            port = json.loads(await asyncio.to_thread(_first_line, reading))["port"]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client

    return run


@pytest.fixture
def miniflare(node_modules: Path, tmp_path: Path) -> Runtime:
    """Miniflare with `remoteProxyConnectionString`, configured as the README says."""

    @contextlib.asynccontextmanager
    async def run(source: str, paddock: str) -> AsyncIterator[httpx.AsyncClient]:
        folder = _project(tmp_path, node_modules, source)
        (folder / "start.mjs").write_text(_MINIFLARE)
        async with _process("node", "start.mjs", paddock, folder=folder) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            port = json.loads(await process.stdout.readline())["port"]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
            process.stdin.close()
            await process.wait()

    return run


def _first_line(descriptor: int) -> str:
    with open(descriptor) as pipe:
        return pipe.readline()


def _project(tmp_path: Path, node_modules: Path, source: str) -> Path:
    folder = tmp_path / "javascript"
    folder.mkdir()
    (folder / "worker.js").write_text(source)
    (folder / "node_modules").symlink_to(node_modules)
    return folder


@contextlib.asynccontextmanager
async def _process(
    *command: str, folder: Path, pass_fds: tuple[int, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, pass_fds=pass_fds, stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _output(*command: str, folder: Path) -> str:
    async with _process(*command, folder=folder) as process:
        output, _ = await process.communicate()
        return output.decode().strip()
