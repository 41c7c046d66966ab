"""From 128 to 1,000 open streams on one server: memory per stream, tokens per second, delay of the event loop; and what
a prompt of 100,000 characters does to the streams of others.

    .venv/bin/python tests/bench/serving/growth.py [--levels 8,128,250,500,1000] [--rounds 3]

The loop's delay is seen twice: from inside, by a ticker of 5 ms that the bench puts on the server's event loop
(`paddock_dev.py`), and from outside, by a client that sends a request which the server answers alone, without engine
and isolate, again and again (a GET that is refused); its own share of the two cores is in the latter.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import statistics
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from compare import RESULTS, machine
from contenders import CONTENDERS, ENVIRONMENT, Server, Setup, ask, start_paddock
from measuring import Load, LoadClient, load_client, measure
from models import endless
from plot import draw
from probe import Probe
from processes import end_with_signals, memory_mb, reset_peak

_LONG_PROMPT: Final = "The quick brown fox jumps over the lazy dog. " * 2223
#: Characters of the prompts that come in between. Of a model with 4,096 tokens, the first is computed, the second is
#: tokenised and then refused, the third is refused for its length alone.
_LENGTHS: Final = (0, 7_000, 40_000, 100_000)
#: The streams that they must not disturb, and how many come while these run.
_STREAMS: Final = 8
_LONG_PROMPTS: Final = 5


class Ticks:
    """The ticker's file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ticks"
        self.path.write_bytes(bytes(16))

    def reset(self) -> None:
        """Begin anew, in the file as the server has it mapped."""
        with self.path.open("r+b") as file:
            file.write(bytes(16))

    def latest_ms(self) -> float:
        """How late the latest tick was since `reset`."""
        _, latest_ns = struct.unpack("=QQ", self.path.read_bytes())
        return float(latest_ns) / 1e6


def grown(server: Server, client: LoadClient, ticks: Ticks, setup: Setup, streams: int) -> dict[str, Any]:
    """One closed loop of this many streams: two answers for each."""
    front = server.tree.pid("front")
    idle_mb = memory_mb(front)["rss"]
    reset_peak(front)
    ticks.reset()
    result = measure(client, "rest", server, setup, Load(streams, max(64, 2 * streams)))
    peak_mb = memory_mb(front)["peak"]
    return {
        **result,
        "idle_mb": idle_mb,
        "peak_mb": peak_mb,
        "kb_per_stream": 1000 * (peak_mb - idle_mb) / streams,
        "tick_late_ms": ticks.latest_ms(),
    }


def probed(server: Server, client: LoadClient, setup: Setup, streams: int) -> dict[str, Any]:
    """The same with the probe from outside, in a run of its own."""
    with Probe(server.port) as probe:
        result = measure(client, "rest", server, setup, Load(streams, max(64, 2 * streams)))
    return {"streams": streams, "probe_ms": probe.quantiles(), **({"error": e} if (e := result.get("error")) else {})}


def beside_long_prompts(server: Server, client: LoadClient, setup: Setup, characters: int) -> dict[str, Any]:
    """The longest pause of any of 8 streams while prompts of this length come, and what was said to these."""
    url = f"/client/v4/accounts/bench/ai/run/{setup.card}"
    said: list[str] = []

    def disturb() -> None:
        for number in range(_LONG_PROMPTS):
            # Another beginning each time, or the prefix cache would have it.
            body = {"prompt": f"{number} {_LONG_PROMPT}"[:characters], "raw": True, "max_tokens": 4}
            try:
                ask(server.port, f"POST {url} HTTP/1.1\r\n\r\n{json.dumps(body)}")
                said.append("answered")
            except http.client.HTTPException as refusal:
                said.append(str(refusal))
            time.sleep(0.05)

    thread = threading.Thread(target=disturb)
    if characters:
        thread.start()
    result = measure(client, "rest", server, setup._replace(tokens=400), Load(_STREAMS, 2 * _STREAMS))
    if characters:
        thread.join()
    error = {"error": result["error"]} if "error" in result else {}
    return {"characters": characters, "gap_ms": result.get("gap_ms"), "said": sorted(set(said)), **error}


@contextlib.contextmanager
def ticking(setup: Setup, ticks: Ticks) -> Iterator[Server]:
    environment = {**os.environ, **ENVIRONMENT, "PADDOCK_BENCH_TICKS": str(ticks.path)}
    server = start_paddock(setup, env=environment)
    with server.tree:
        ask(server.port, CONTENDERS["rest"].requests(setup, server.port, streamed=False)[0])
        yield server


def run(options: argparse.Namespace, folder: Path, client: LoadClient) -> Iterator[dict[str, Any]]:
    most = max(128, *options.levels)
    model = endless("llama", folder)
    setup = Setup("llama", model, folder, max_num_seqs=most, max_model_len=4096, kv_cache_bytes=1 << 30)
    ticks = Ticks(folder)
    with ticking(setup, ticks) as server:
        for number in range(options.rounds):
            for streams in options.levels:
                yield {"what": "growth", "round": number, **grown(server, client, ticks, setup, streams)}
                yield {"what": "probe", "round": number, **probed(server, client, setup, streams)}
            for characters in _LENGTHS:
                found = beside_long_prompts(server, client, setup, characters)
                yield {"what": "long prompt", "round": number, **found}


def show(results: list[dict[str, Any]]) -> None:
    """Medians of the rounds as Markdown."""
    print(
        "| streams | tok/s | to 128 | TTFT p50 ms | server MB, idle | peak | kB per stream | tick late ms | probe p95 |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    grown = [result for result in results if result["what"] == "growth" and "error" not in result]
    probes = [result for result in results if result["what"] == "probe"]

    def median(streams: int, *path: str, of: list[dict[str, Any]] = grown) -> float:
        values = []
        for result in of:
            if result["streams"] == streams:
                value: Any = result
                for name in path:
                    value = value[name]
                values.append(value)
        return statistics.median(values) if values else float("nan")

    for streams in sorted({result["streams"] for result in grown}):
        share = median(streams, "tokens_per_s") / median(128, "tokens_per_s")
        cells = [
            str(streams),
            f"{median(streams, 'tokens_per_s'):.0f}",
            f"{share:.2f}",
            f"{median(streams, 'ttft_ms', 'p50'):.0f}",
            *(f"{median(streams, name):.0f}" for name in ("idle_mb", "peak_mb", "kb_per_stream", "tick_late_ms")),
            f"{median(streams, 'probe_ms', 'p95', of=probes):.1f}",
        ]
        print(f"| {' | '.join(cells)} |")
    print("\n| beside 8 streams | longest pause of a stream, ms, by round |\n|---|---|")
    long = [result for result in results if result["what"] == "long prompt" and "error" not in result]
    for characters in _LENGTHS:
        pauses = ", ".join(f"{r['gap_ms']['max']:.1f}" for r in long if r["characters"] == characters)
        print(f"| {f'{_LONG_PROMPTS} prompts of {characters:,} characters' if characters else 'nothing'} | {pauses} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--levels", type=lambda t: [int(n) for n in t.split(",")], default=[8, 128, 250, 500, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="draw the curve into this SVG file")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    output = RESULTS / f"growth-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    results = []
    with end_with_signals(), load_client() as client, output.open("w") as lines:
        lines.write(json.dumps({"machine": machine()}) + "\n")
        with tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder:
            for result in run(options, Path(folder), client):
                results.append(result)
                lines.write(json.dumps(result) + "\n")
                lines.flush()
                print(json.dumps(result)[:200], file=sys.stderr)
    show(results)
    if options.plot:
        options.plot.write_text(draw(results))


if __name__ == "__main__":
    main()
