"""Embeddings and pairs a second: Paddock's doors beside vLLM's own server, in one run.

    .venv/bin/python tests/bench/pooling.py [--rounds 7] [--seconds 3] [--clients 8] [--texts 16]

The same stand-ins, in float32, one computing thread each. `--clients` connections ask for `--texts` texts (or pairs) a
call, one call after the other; all servers are up all the time, and asked in turn in every round. A rate is the median
of the rounds, a ratio the median of the rounds' own ratios to vLLM, because whatever else the machine does makes both
sides of a round slower.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
STAND_INS: Final = ROOT / "catalog" / "stand-ins"
BGE: Final = "@cf/baai/bge-small-en-v1.5"
RERANKER: Final = "@cf/baai/bge-reranker-base"
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}
_QUERY: Final = "Where does the lighthouse stand?"
_START_S: Final = 300.0
_PROJECT: Final = """
name = "bench"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[ai]
binding = "AI"
[paddock.engine]
keep_alive = -1
dtype = "float32"
"""
_HANDLER: Final = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    pass
"""


class Way(NamedTuple):
    """One way to a result: who answers, and what is asked."""

    name: str
    port: int
    path: str
    body: dict[str, Any]

    @property
    def request(self) -> bytes:
        """As it goes over the connection."""
        body = json.dumps(self.body).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def texts(count: int) -> list[str]:
    """Short texts of different lengths."""
    line = "a lighthouse stands on rock by the sea and shows ships their way home at night"
    words = line.split()
    return [" ".join(words[: 5 + at % len(words)]) + f" {at}" for at in range(count)]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def server(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server that answers at this port until the block ends, and then none of its processes."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True, env={**os.environ, **_ENVIRONMENT}
        )
        try:
            end = time.monotonic() + _START_S
            while True:
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{command[2]} did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def vllm(model: str, port: int) -> list[str]:
    """The command of vLLM's own server for a stand-in."""
    flags = ["--runner", "pooling", "--dtype", "float32", "--max-num-seqs", "128", "--enforce-eager"]
    flags += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "model"]
    flags += ["--disable-uvicorn-access-log", "--no-enable-prefix-caching"]
    flags += ["--kv-cache-memory-bytes", str(128 << 20), "--max-model-len", "512"]
    path = str(STAND_INS / model)
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", path, *flags]


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The body of one answer, whose status has to be 200."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length: " in head:
        body = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    else:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise SystemExit(f"{head.decode()}{body[:2000].decode()}")
    return body


async def rate(way: Way, clients: int, seconds: float) -> float:
    """Calls a second of clients that ask one call after the other."""
    calls = 0

    async def client() -> None:
        nonlocal calls
        reader, writer = await asyncio.open_connection("127.0.0.1", way.port, limit=2**24)
        await ask(reader, writer, way.request)
        while time.monotonic() < end:
            await ask(reader, writer, way.request)
            calls += 1
        writer.close()

    end = time.monotonic() + seconds
    began = time.monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    return calls / (time.monotonic() - began)


def measure(title: str, ways: list[Way], options: argparse.Namespace) -> None:
    """Ask every way in turn, in every round, and print the medians. The first way is what the others are held to."""
    for way in ways:
        asyncio.run(rate(way, 1, 0.5))  # loads the model, and warms up
    rounds = [
        {way.name: asyncio.run(rate(way, options.clients, options.seconds)) * options.texts for way in ways}
        for _ in range(options.rounds)
    ]
    print(f"\n| {title} | a second | ratio to {ways[0].name} |\n|---|---|---|")
    for way in ways:
        ratios = [found[way.name] / found[ways[0].name] for found in rounds]
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {way.name} | {statistics.median(found[way.name] for found in rounds):.0f} | {shown} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--texts", type=int, default=16)
    options = parser.parse_args()
    read = texts(options.texts)
    account = "/client/v4/accounts/bench/ai"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "handler.py").write_text(_HANDLER)
        (folder / "wrangler-like.toml").write_text(_PROJECT)
        paddock_port, vllm_port = free_port(), free_port()
        command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", str(paddock_port)]
        command += ["--config", str(folder / "wrangler-like.toml")]
        with server(command, paddock_port, folder / "paddock.log"):
            with server(vllm("bge", vllm_port), vllm_port, folder / "vllm.log"):
                body = {"model": "model", "input": read}
                ways = [
                    Way("vLLM's server", vllm_port, "/v1/embeddings", body),
                    Way("Paddock, /v1/embeddings", paddock_port, f"{account}/v1/embeddings", body | {"model": BGE}),
                    Way("Paddock, REST", paddock_port, f"{account}/run/{BGE}", {"text": read, "pooling": "cls"}),
                    Way("Paddock, REST, pooling mean", paddock_port, f"{account}/run/{BGE}", {"text": read}),
                ]
                measure("embeddings", ways, options)
            with server(vllm("bge-reranker", vllm_port), vllm_port, folder / "vllm.log"):
                contexts = [{"text": text} for text in read]
                asked = {"model": "model", "query": _QUERY, "documents": read}
                ways = [
                    Way("vLLM's server", vllm_port, "/v1/rerank", asked),
                    Way(
                        "Paddock, REST",
                        paddock_port,
                        f"{account}/run/{RERANKER}",
                        {"query": _QUERY, "contexts": contexts},
                    ),
                ]
                measure("pairs", ways, options)


if __name__ == "__main__":
    main()
