"""What a batch costs the calls beside it: the time to the first token with and without one, in one run.

    .venv/bin/python tests/bench/batch.py [--rounds 8] [--calls 12] [--base OTHER/.venv/bin/python]

Each round asks every server in turn: calls one after the other, `--gaps` seconds apart, on a quiet server; the same
while a batch runs; and how long the same batch takes alone. Of generation (TTFT of a stream) and of embeddings (the
whole answer). Ratios are medians of the rounds' own, because whatever else the machine does makes both sides of a round
slower.
`--base` is the interpreter of an older checkout: its Paddock is asked in the same rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from pooling import _HANDLER, _PROJECT, ask, free_port, server, texts

ACCOUNT: Final = "/client/v4/accounts/bench/ai/run/"
LLAMA: Final = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
BGE: Final = "@cf/baai/bge-small-en-v1.5"
#: Seconds between polls, which are calls too and cost the server little.
_BETWEEN_POLLS_S: Final = 0.05


class Kind(NamedTuple):
    """What is asked, singly and in a batch."""

    name: str
    model: str
    call: dict[str, Any]
    batch: list[dict[str, Any]]


class Round(NamedTuple):
    """Seconds: medians of the calls alone and beside a batch, and of the batch alone."""

    alone: float
    beside: float
    batch: float


def kinds(size: int) -> list[Kind]:
    """Questions of a hundred words in a batch, so that prompts count; as many texts as a page has."""
    question = " ".join(["Tell me about the lighthouse at the harbour, and who lives there."] * 9)
    words = [{"prompt": f"{at} {question}", "max_tokens": 120, "temperature": 0} for at in range(size)]
    call = {"prompt": "Tell me about lighthouses.", "max_tokens": 8, "stream": True}
    pages = [{"text": [f"{at} {text}" for text in texts(32)]} for at in range(size * 4)]
    return [Kind("first token", LLAMA, call, words), Kind("embedding", BGE, {"text": ["a lighthouse"]}, pages)]


class Client:
    """One server, by a connection for calls."""

    def __init__(self, port: int) -> None:
        self._port = port

    def _request(self, path: str, body: Any) -> bytes:
        content = json.dumps(body).encode()
        head = f"POST {ACCOUNT}{path} HTTP/1.1\r\nHost: localhost:{self._port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)

    async def post(self, path: str, body: Any) -> Any:
        return json.loads(await ask(self._reader, self._writer, self._request(path, body)))["result"]

    async def first_s(self, kind: Kind) -> float:
        """Seconds to the first byte of the answer's body; the rest is read, too."""
        began = time.perf_counter()
        if "stream" not in kind.call:
            await self.post(kind.model, kind.call)
            return time.perf_counter() - began
        self._writer.write(self._request(kind.model, kind.call))
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.partition(b"\r\n")[0], head
        took = 0.0
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            took = took or time.perf_counter() - began
            await self._reader.readexactly(size + 2)
        await self._reader.readexactly(2)
        return took

    async def calls(self, kind: Kind, count: int, gap_s: float) -> float:
        found = []
        for _ in range(count):
            await asyncio.sleep(gap_s * random.uniform(0.5, 1.5))
            found.append(await self.first_s(kind))
        return statistics.median(found)

    async def queued(self, kind: Kind) -> str:
        return str((await self.post(f"{kind.model}?queueRequest=true", {"requests": kind.batch}))["request_id"])

    async def status(self, kind: Kind, id: str) -> str:
        return str((await self.post(kind.model, {"request_id": id})).get("status", "done"))

    async def until(self, kind: Kind, id: str, wanted: str) -> None:
        while await self.status(kind, id) != wanted:  # noqa: ASYNC110 - a poll is all that tells
            await asyncio.sleep(_BETWEEN_POLLS_S)


async def one_round(port: int, kind: Kind, count: int, gap_s: float) -> Round | None:
    """None when the batch was over before the calls were."""
    client = Client(port)
    await client.open()
    await client.first_s(kind)
    alone = await client.calls(kind, count, gap_s)
    id = await client.queued(kind)
    await client.until(kind, id, "running")
    beside = await client.calls(kind, count, gap_s)
    is_over = await client.status(kind, id) == "done"
    await client.until(kind, id, "done")
    began = time.perf_counter()
    await client.until(kind, await client.queued(kind), "done")
    took = time.perf_counter() - began
    client._writer.close()
    return None if is_over else Round(alone, beside, took)


def report(title: str, found: dict[str, list[Round]]) -> None:
    """One table."""
    print(f"\n| {title} | alone, ms | beside a batch, ms | ratio | batch alone, s |\n|---|---|---|---|---|")
    for name, rounds in found.items():
        if not rounds:
            print(f"| {name} | the batch was over too soon |")
            continue
        ratios = [each.beside / each.alone for each in rounds]
        alone, beside, batch = (statistics.median(column) for column in zip(*rounds, strict=True))
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {alone * 1e3:.1f} | {beside * 1e3:.1f} | {shown} | {batch:.2f} |")
    if len(found) == 2:
        pairs = list(zip(*found.values(), strict=False))
        if pairs:
            print(f"\nbatch alone, this to the other: {statistics.median(a.batch / b.batch for a, b in pairs):.2f}")
    sys.stdout.flush()


def main() -> None:
    """Print a table for each kind and gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--size", type=int, default=60, help="requests of a batch; four times as many of embeddings")
    parser.add_argument("--gaps", type=float, nargs="+", default=[0.0, 0.25])
    parser.add_argument("--kinds", nargs="+", default=["first token", "embedding"])
    parser.add_argument("--base", help="the interpreter of another checkout")
    options = parser.parse_args()
    pythons = {"this": sys.executable} | ({"the other": options.base} if options.base else {})
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        ports = {}
        for label, python in pythons.items():
            folder = Path(name, label.replace(" ", "-"))
            folder.mkdir()
            (folder / "handler.py").write_text(_HANDLER)
            (folder / "wrangler-like.toml").write_text(_PROJECT)
            ports[label] = free_port()
            command = [python, "-m", "paddock.worker.cli", "dev", "--port", str(ports[label])]
            command += ["--config", str(folder / "wrangler-like.toml")]
            servers.enter_context(server(command, ports[label], folder / "paddock.log"))
        for kind in [kind for kind in kinds(options.size) if kind.name in options.kinds]:
            for gap_s in options.gaps:
                found: dict[str, list[Round]] = {label: [] for label in ports}
                for _ in range(options.rounds):
                    for label, port in ports.items():
                        if done := asyncio.run(one_round(port, kind, options.calls, gap_s)):
                            found[label].append(done)
                report(f"{kind.name}, calls {gap_s:g} s apart", found)


if __name__ == "__main__":
    main()
