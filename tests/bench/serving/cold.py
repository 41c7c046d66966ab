"""How long until the first token: of a cold stand-in, right after the start, of further models; and of vLLM's server.

    .venv/bin/python tests/bench/serving/cold.py [--rounds 3] [--only paddock,uni,mp]

`ready`: from the command until the port answers. `right after start`: from the command to the first token of a request
that is sent as soon as the port answers. `warm`: from the request to the first token, once the fork server has imported
the engine; `second`, `third`: the same for further models while the first ones stay. `again`: the same for a model that
runs. Every one in a server of its own, started for it; nothing else runs meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from compare import RESULTS, machine
from contenders import CONTENDERS, Setup, free_port, start_paddock, start_vllm
from models import endless
from processes import end_with_signals

#: Seconds, and ratios to the peers.
TARGETS: Final = {
    "ready": 0.4,
    "right after start": 6.0,
    "warm": 1.0,
    "second": 1.0,
    "third": 1.0,
    "to uni": 0.4,
    "to mp": 0.3,
}
_RETRY_S: Final = 0.01


def first_token(port: int, request: str) -> float:
    """The moment of the first event of a streamed answer. Raises OSError while nothing listens."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(request.encode("latin-1"))
        answer = b""
        while b"data: " not in answer:
            piece = sock.recv(1 << 16)
            if not piece:
                raise ConnectionResetError(answer.decode("latin-1"))
            answer += piece
        moment = time.monotonic()
        while piece:
            if b"0\r\n\r\n" in piece:
                break
            piece = sock.recv(1 << 16)
        return moment


def streamed(setup: Setup, name: str, port: int) -> str:
    return CONTENDERS[name].requests(setup, port, streamed=True)[0]


def paddock_at_start(setup: Setup) -> dict[str, float]:
    """A request as soon as the port answers."""
    began = time.monotonic()
    server = start_paddock(setup)
    with server.tree:
        ready = time.monotonic()
        token = first_token(server.port, streamed(setup, "rest", server.port))
        return {"ready": ready - began, "right after start": token - began}


def paddock_warm(setup: Setup, stand_ins: Sequence[str] = ("phi", "llama", "mistral")) -> dict[str, Any]:
    """These models, one after the other, once the fork server is warm; and what the server takes then."""
    readable, writable = os.pipe()
    began = time.monotonic()
    server = start_paddock(setup, "--log-level", "debug", stdout=subprocess.DEVNULL, stderr=writable)
    os.close(writable)
    # The server ends first, and with it what the thread below reads: to close a file that is being read waits for that.
    with os.fdopen(readable) as log, server.tree:
        found: dict[str, Any] = {"ready": time.monotonic() - began}
        for line in log:
            if "forkserver_warm" in line:
                break
        threading.Thread(target=log.read, daemon=True).start()  # or the server would wait for room in the pipe
        found["forkserver warm"] = time.monotonic() - began
        for name, stand_in in zip(("warm", "second", "third"), stand_ins, strict=False):
            other = setup._replace(stand_in=stand_in)
            asked = time.monotonic()
            found[name] = first_token(server.port, streamed(other, "rest", server.port)) - asked
        asked = time.monotonic()
        found["again"] = first_token(server.port, streamed(setup, "rest", server.port)) - asked
        found["memory_mb"] = server.tree.memory_mb()
        return found


def vllm_at_start(setup: Setup, name: str) -> dict[str, float]:
    """A request as soon as the server takes it."""
    began = time.monotonic()
    server = start_vllm(name, setup, free_port())
    with server.tree:
        request = streamed(setup, f"vllm-{name}", server.port)
        while server.tree.process.poll() is None:
            try:
                return {"right after start": first_token(server.port, request) - began}
            except OSError:
                time.sleep(_RETRY_S)
        raise RuntimeError(f"{name} ended: see {setup.folder}/{name}.log")


def rounds(setup: Setup, count: int, only: list[str]) -> Iterator[dict[str, Any]]:
    for number in range(count):
        if "paddock" in only:
            yield {"round": number, "what": "paddock", **paddock_at_start(setup)}
            yield {"round": number, "what": "paddock warm", **paddock_warm(setup)}
        for name in ("uni", "mp"):
            if name in only:
                yield {"round": number, "what": name, **vllm_at_start(setup, name)}


def show(results: list[dict[str, Any]]) -> None:
    """Medians, and each target."""

    def values(what: str, name: str) -> list[float]:
        return [result[name] for result in results if result["what"].startswith(what) and name in result]

    rows = [("paddock", name) for name in ("ready", "right after start", "forkserver warm")]
    rows += [("paddock warm", name) for name in ("warm", "second", "third", "again")]
    rows += [(name, "right after start") for name in ("uni", "mp")]
    print("| what | seconds (all rounds) | target | |\n|---|---|---|---|")
    start = 0.0
    for what, name in rows:
        found = values(what, name)
        if not found:
            continue
        middle = statistics.median(found)
        if (what, name) == ("paddock", "right after start"):
            start = middle
        target = TARGETS.get(name) if what.startswith("paddock") else None
        spread = ", ".join(f"{value:.3f}" for value in sorted(found))
        print(f"| {what}: {name} | {middle:.3f} ({spread}) | {_judged(middle, target)} |")
    for name in ("uni", "mp"):
        if (found := values(name, "right after start")) and start:
            ratio, target = start / statistics.median(found), TARGETS[f"to {name}"]
            print(f"| right after start, to {name} | {ratio:.2f} | {_judged(ratio, target)} |")


def _judged(value: float, target: float | None) -> str:
    return " | " if target is None else f"<= {target:g} | {'met' if value <= target else '**missed**'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=["paddock", "uni", "mp"])
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    output = RESULTS / f"cold-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    results = []
    with (
        end_with_signals(),
        tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder,
        output.open("w") as lines,
    ):
        lines.write(json.dumps({"machine": machine()}) + "\n")
        setup = Setup("phi", endless("phi", Path(folder)), Path(folder))
        for result in rounds(setup, options.rounds, options.only):
            results.append(result)
            lines.write(json.dumps(result) + "\n")
            lines.flush()
            print(result, file=sys.stderr)
    show(results)


if __name__ == "__main__":
    main()
