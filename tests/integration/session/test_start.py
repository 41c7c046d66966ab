"""How a session starts: what is said in which order, where it listens, and how it ends where it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import CONFIG, HANDLER, Start
from .terminal import spawn

#: For the child's children as well: the package vllm is not found, as where it is not installed.
WITHOUT_VLLM = """
import importlib.machinery as machinery

find = machinery.PathFinder.find_spec

def without_vllm(cls, name, path=None, target=None):
    return None if name.partition(".")[0] == "vllm" else find(name, path, target)

machinery.PathFinder.find_spec = classmethod(without_vllm)
"""
ASKS = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/ai"):
            return Response.json(await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "hello"}))
        return Response("first version")
"""


def test_a_session_says_what_it_has_in_wranglers_order(start: Start, tmp_path: Path) -> None:
    """DT-002 to DT-004, DT-044"""
    (tmp_path / ".dev.vars").write_text("TOKEN=let-nobody-see-this\n")
    more = (
        'nonsense = 1\n[ai]\nbinding = "AI"\n[vars]\nGREETING = "hi"\n[triggers]\ncrons = ["*/5 * * * *", "0 1 * * *"]'
    )
    session = start(config=CONFIG + more, handler=ASKS)
    for pattern in (
        r"^\npaddock \d\S*\n─+\n",
        r"Using secrets defined in \.dev\.vars\n",
        r'\[WARNING\] .*\n.*Unexpected fields found in top-level field: "nonsense"',
        r"\[WARNING\] Scheduled Workers are not automatically triggered .*\n",
        r'^  curl "http://localhost:\d+/cdn-cgi/local/scheduled\?cron=\*/5\+\*\+\*\+\*\+\*"\n',
        r"Your Worker has access to the following bindings:\nBinding +Resource +Mode\n",
        r"env\.AI +AI \(off\) +local\n",
        r'env\.GREETING \("hi"\) +Environment Variable +local\n',
        r"env\.TOKEN \(hidden\) +Environment Variable +local\n",
        r"\nModel +Task +State +Weights\n@cf/microsoft/phi-2 +Text Generation +cold +stand-in phi\n",
        r"A stand-in is a tiny model .*\n\d+ other models in the catalog: `paddock ai models list`\.\n",
        r"\n⎔ Starting local server\.\.\.\n",
    ):
        session.expect(pattern)
    with session.ready() as client:
        curl = client.get("/cdn-cgi/local/scheduled?cron=*/5+*+*+*+*")
    assert curl.status_code == 500, "it has no scheduled()"
    session.end()
    assert "let-nobody-see-this" not in session.said
    assert session.said.count("Scheduled Workers") == 1


def test_a_worker_without_bindings_says_so_and_answers_without_engine_or_network(start: Start) -> None:
    """DT-001, DT-019"""
    session = start(engine=None)
    session.expect("No bindings found.")
    with session.ready() as client:
        assert client.get("/a?secret=1").text == "first version"
    session.expect(r"\[paddock:info\] GET /a 200 OK \([\d.]+m?s\)\n")
    assert session.end() == 130


def test_without_vllm_only_calls_of_the_engine_fail_and_name_the_extra(start: Start, tmp_path: Path) -> None:
    """DT-129"""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_VLLM)
    environment = {"PYTHONPATH": str(tmp_path)}
    config = CONFIG + '[ai]\nbinding = "AI"\n'
    session = start(config=config, handler=ASKS, engine=None, environment=environment)
    session.expect(r'env\.AI +AI \(vLLM is not installed: pip install "paddock\[cpu\]"')
    with session.ready() as client:
        assert client.get("/").text == "first version"
        failed = client.get("/ai")
    assert (failed.status_code, "this environment has no vLLM" in failed.text) == (500, True)
    session.expect(r"pip install \"paddock\[cpu\]\", or pip install \"paddock\[gpu\]\"")
    session.end()
    for words in (["check"], ["ai", "models", "list"]):
        command = [sys.executable, "-m", "paddock.worker.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment | {"PATH": ""})
        assert done.returncode == 0, done.stderr


def test_every_line_is_an_object_where_programs_read(start: Start) -> None:
    """DT-025"""
    session = start("--json-logs")
    ready = json.loads(session.expect(r'\n(\{[^\n]*"DEV_SERVER_READY"[^\n]*\})\n')[1])
    with socket.create_connection((ready["ip"], ready["port"])) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert b"200" in connection.recv(100)
    session.end(signal.SIGTERM)
    lines = [json.loads(line) for line in session.said.splitlines()]
    assert all({"time", "level", "source", "message"} <= line.keys() for line in lines)
    assert {"source": "worker", "message": "printed"}.items() <= next(
        line.items() for line in lines if line["source"] == "worker"
    )


def test_reserved_requests_are_heard_of_at_debug_alone(start: Start) -> None:
    """DT-021, DT-024: PADDOCK_LOG sets the level, too."""
    for level, is_heard in (("debug", True), ("info", False)):
        session = start(environment={"PADDOCK_LOG": level})
        with session.ready() as client:
            client.get("/cdn-cgi/local/ai/ps")
            client.get("/")
        session.expect("GET / 200 OK")
        session.end()
        assert ("/cdn-cgi/local/ai/ps 200 OK" in session.said) is is_heard


def test_a_busy_port_that_was_asked_for_ends_with_four_and_is_named(start: Start) -> None:
    """DT-006"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        session = start("--port", str(port))
        session.expect(rf"\[ERROR\] .*{port}")
        assert session.end(None) == 4


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--preload", "@cf/microsoft/phi-3"), 3, "@cf/microsoft/phi-2"),
        (("--preload", "@cf/microsoft/phi-2"), 5, "could not be loaded: .*server"),
    ],
)
def test_a_model_that_cannot_be_loaded_before_the_start_ends_it(
    start: Start, flags: tuple[str, ...], code: int, said: str
) -> None:
    config = CONFIG + '[paddock.engine]\nkind = "remote"\nurl = "http://127.0.0.1:9"\n'
    session = start(*flags, config=config, engine=None)
    session.expect(said)
    assert session.end(None) == code
    assert "Ready on" not in session.said


@pytest.mark.parametrize(("flags", "dev"), [(["--types"], ""), ([], "[dev]\ngenerate_types = true\n")])
def test_types_are_written_at_the_start_and_follow_the_configuration(
    start: Start, tmp_path: Path, flags: list[str], dev: str
) -> None:
    session = start(*flags, config=CONFIG + dev)
    session.expect(r"Types written to worker_configuration\.pyi")
    with session.ready():
        (tmp_path / "wrangler-like.toml").write_text(CONFIG + dev + '[vars]\nGREETING = "hi"\n')
        session.expect(r"Types written to worker_configuration\.pyi")
    session.end()
    assert "GREETING: str" in (tmp_path / "worker_configuration.pyi").read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_nothing_is_left_of_a_session_that_was_ended(start: Start, number: signal.Signals, code: int) -> None:
    """DT-048: no process of it, and its port is free. What keys do: test_terminal.py"""
    session = start(engine=None)
    with session.ready() as client:
        assert client.get("/").text == "first version"
        port = client.base_url.port
    family = descendants(session.process.pid)
    assert len(family) >= 2, "an isolate and the fork server, at least"
    assert session.end(number) == code
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == []
    assert port is not None
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_output_that_goes_into_the_project_is_no_reason_to_reload(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--engine", "off"]
    start_it = ["sh", "-c", 'exec "$@" > a.txt', "sh", *command]
    (tmp_path / "wrangler-like.toml").write_text(CONFIG)
    (tmp_path / "handler.py").write_text(HANDLER)
    session = spawn(start_it, tmp_path, os.environ, None)
    try:
        with session.ready() as client:
            client.get("/")
            (tmp_path / "handler.py").write_text(HANDLER.replace("first", "second"))
            session.expect("changed")
            assert client.get("/").text == "second version"
    finally:
        session.close()
    assert (tmp_path / "a.txt").read_text().startswith("printed")
    assert "a.txt changed" not in session.said


def descendants(pid: int) -> list[int]:
    """Every process below this one."""
    lists = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    children = [int(child) for found in lists for child in found]
    return children + [below for child in children for below in descendants(child)]
