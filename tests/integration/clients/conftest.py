"""Published clients, as they come from their registries, against Paddock. `make test-clients` installs them.

Each runs in a process of its own: its functions stand in `node/` and `python/` and read like a user's program; the
tests call them, and compare. They meet two servers: `real`, which is `paddock dev` with the real engine and the
stand-ins, and `scripted`, where exact words, failures and timing matter.
"""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.scripted import Call, Gate, ScriptedEngine

HERE = Path(__file__).parent
#: Where `make test-clients` installs.
INSTALLED = Path(__file__).parents[3] / ".cache" / "clients"
#: Seconds; a client that does not answer a call for longer is ended.
_LIMIT_S = 240

_PROJECT = """
name = "clients"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""
_HANDLER = """
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("the Worker's own")
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A client takes its time to start; what needs the real engine is skipped without it."""
    missing = importlib.util.find_spec("vllm") is None
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(300))
            if missing and "real" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason='vLLM is not installed: pip install "paddock[cpu]"'))


@pytest.fixture(autouse=True)
def recorded(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """What `report.py` counts by: the packages, what the tests of their module are about, and the engine."""
    marker = request.node.get_closest_marker("clients")
    record_property("packages", ";".join(marker.args))
    record_property("what", marker.kwargs.get("what", ""))
    record_property("engine", "real" if "real" in request.fixturenames else "scripted")


@pytest.fixture(scope="session")
def real(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `paddock dev` with the real engine, started once."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "wrangler-like.toml").write_text(_PROJECT)
    (folder / "handler.py").write_text(_HANDLER)
    server = start_dev(folder, folder / "ready")
    yield server.url
    assert server.stop() == 130


@pytest.fixture
def eight() -> ScriptedEngine:
    """Says yes eight times, and not before all eight are asked for."""
    gate = Gate()

    def reply(request: EngineRequest) -> str:
        if engine.open == 7:  # this is the eighth; the others stand before the gate
            gate.open()
        return "yes"

    engine = ScriptedEngine([reply] * 8, gate=gate)
    return engine


@pytest.fixture
def caller() -> ScriptedEngine:
    """Calls the tool `weather` for Kiel, and says what it gave when it is asked again."""

    def report(request: EngineRequest) -> str:
        return f"I hear: {(request.messages or ())[-1].content}"

    return ScriptedEngine([[Call("weather", {"place": "Kiel"})], report])


class Ended(NamedTuple):
    """A program that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.out + self.err
        return json.loads(self.out)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What client processes are told: a home of their own, so that nobody's login is read, and to stay at home."""
    own = sorted(INSTALLED.glob("node_modules/node-linux-*/bin"))  # a newer Node.js than the system's
    return {
        "PATH": os.pathsep.join([*map(str, own), os.environ["PATH"]]),
        "HOME": str(tmp_path_factory.mktemp("home")),
        "CI": "1",
        "HF_HUB_OFFLINE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "WRANGLER_SEND_METRICS": "false",
    }


@pytest.fixture(scope="session")
def installed() -> Callable[..., Path]:
    """`installed("openai")`: the folder that holds `node_modules`. Skips when a package is not in it."""

    def find(*packages: str, folder: Path = INSTALLED) -> Path:
        if shutil.which("node") is None:
            pytest.skip("Node.js is not installed")
        for package in packages:
            if not (folder / "node_modules" / package).is_dir():
                pytest.skip(f"{package} is not installed: make test-clients installs it")
        return folder

    return find


@pytest.fixture(scope="session")
def node_files() -> list[Path]:
    """The programs in `node/`."""
    return sorted((HERE / "node").glob("*.mjs"))


@pytest.fixture(scope="session")
def project_of(installed, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`project_of(files, *packages)`: a JavaScript project with copies of these files, where the packages are found."""

    def make(files: Iterable[Path], *packages: str) -> Path:
        folder = tmp_path_factory.mktemp("javascript")
        (folder / "node_modules").symlink_to(installed(*packages) / "node_modules")
        for file in files:
            shutil.copy(file, folder)
        return folder

    return make


@pytest.fixture(scope="session")
def run(environment) -> Callable[..., Ended]:
    """`run(command, folder, **variables)`: a program, from its start to its end."""

    def to_the_end(command: list[str], folder: Path, **variables: str) -> Ended:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_LIMIT_S,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return to_the_end


@pytest.fixture(scope="session")
def python_packages() -> Callable[[str], Path]:
    """`python_packages("openai")`: the folder of installed packages. Skips when that one is not in it."""

    def find(package: str) -> Path:
        for folder in INSTALLED.glob("python/lib/*/site-packages"):
            if (folder / package).is_dir():
                return folder
        pytest.skip(f"{package} is not installed: make test-clients installs it")

    return find
