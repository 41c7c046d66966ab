"""Every way to the same tiny model side by side, in interleaved rounds of one run.

    .venv/bin/python tests/bench/serving/compare.py [--models phi,llama] [--contenders rest,vllm-uni] [--levels 1,64]
        [--rates 50,100,150] [--rounds 3] [--whole] [--quick] [--base ../other/.venv/bin/python]

All servers are alive at once; all but the one that is measured are stopped. One line of JSON for each measurement goes
to `.cache/bench/`, and `table.py` makes the tables of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from contenders import CONTENDERS, ROOT, Server, Setup, start
from measuring import Load, LoadClient, load_client, measure
from models import endless
from processes import end_with_signals
from table import show

RESULTS: Final = ROOT / ".cache" / "bench"
#: Answers for each stream of a closed loop, by the number of streams: short enough for many rounds.
_ANSWERS: Final = {1: 16, 8: 8, 32: 6, 64: 5, 128: 4}
#: Tokens of the answers that are handed on unread, and streams at a time.
_SHORT_AND_LONG: Final = (64, 448)
_PASSED_ON: Final = 8


def count_for(streams: int, share: float = 1.0) -> int:
    """How many answers a closed loop takes."""
    per_stream = next((count for level, count in reversed(_ANSWERS.items()) if streams >= level), 16)
    return max(streams, int(share * streams * per_stream))


def loads(levels: list[int], rates: list[int], *, whole: bool, share: float, seed: int) -> Iterator[Load]:
    """Everything that one round measures of one contender."""
    for streams in levels:
        yield Load(streams, count_for(streams, share))
        if whole:
            yield Load(streams, count_for(streams, share), streamed=False)
    for rate in rates:
        yield Load(64, max(16, int(share * 2 * rate)), rate=rate, seed=seed)


@contextlib.contextmanager
def servers_for(contenders: list[str], setup: Setup) -> Iterator[Mapping[str, Server]]:
    """Every server that the contenders need, started and stopped: measuring one begins with letting it go on."""
    with contextlib.ExitStack() as running:
        servers = {}
        for name in dict.fromkeys(CONTENDERS[contender].server for contender in contenders):
            began = time.monotonic()
            servers[name] = server = start(name, setup)
            running.push(server.tree)
            memory = {role: round(sizes["pss"]) for role, sizes in server.tree.memory_mb().items()}
            print(f"{name}: up after {time.monotonic() - began:.1f} s, PSS in MB {memory}", file=sys.stderr)
            server.tree.stop()
        yield servers


def run(options: argparse.Namespace, setup: Setup, client: LoadClient) -> Iterator[dict[str, Any]]:
    """Measure one model: rounds outside, loads in the middle, contenders inside, another one first in each round."""
    share = 0.25 if options.quick else 1.0
    names = options.contenders
    with servers_for(names, setup) as servers:
        for number in range(options.rounds):
            for load in loads(options.levels, options.rates, whole=options.whole, share=share, seed=number):
                turn = number % len(names)
                for name in (*names[turn:], *names[:turn]):
                    if not (load.streamed and not load.rate) and not servers[CONTENDERS[name].server].port:
                        continue  # the ceilings know neither whole answers nor arrivals
                    server = servers[CONTENDERS[name].server]
                    server.tree.go_on()
                    result = measure(client, name, server, setup, load)
                    server.tree.stop()
                    yield {"model": setup.stand_in, "round": number, "tokens": setup.tokens, **result}
            if "handler" in names:
                yield {"model": setup.stand_in, "round": number, **passed_on(setup, client, servers["paddock"])}
            print(f"{setup.stand_in}: round {number + 1} of {options.rounds}", file=sys.stderr)


def passed_on(setup: Setup, client: LoadClient, server: Server) -> dict[str, Any]:
    """What a token of a stream that the handler hands on unread costs the isolate, apart from what the request does:
    the same number of requests with long answers and with short ones, and the difference.
    """
    server.tree.go_on()
    seconds = []
    for tokens in _SHORT_AND_LONG:
        result = measure(client, "handler", server, setup._replace(tokens=tokens), Load(_PASSED_ON, 4 * _PASSED_ON))
        if "error" in result:
            return {"what": "passed on", "error": result["error"], "contender": "handler", "streams": _PASSED_ON}
        seconds.append(result["cpu_s_per_1000"]["isolate"] * tokens / 1000)
    server.tree.stop()
    short, long = _SHORT_AND_LONG
    per_1000 = 1000 * (seconds[1] - seconds[0]) / (long - short)
    return {"what": "passed on", "isolate_s_per_request": seconds[0], "isolate_s_per_1000": per_1000}


def machine() -> dict[str, Any]:
    """What the figures belong to."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return {"cpu": cpu, "cpus": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(CONTENDERS)}; got {', '.join(unknown)}")
    return names


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=lambda text: text.split(","), default=["phi"])
    parser.add_argument("--contenders", type=_names, default=[n for n in CONTENDERS if not n.startswith("base")])
    parser.add_argument(
        "--base", default="", metavar="PYTHON", help="of another checkout, for `base-rest` and the like"
    )
    parser.add_argument("--levels", type=_numbers, default=list(_ANSWERS), help="streams of the closed loops")
    parser.add_argument("--rates", type=_numbers, default=[], help="requests per second of the open loops")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="whole answers as well as streams")
    parser.add_argument("--quick", action="store_true", help="a quarter of the answers: to see that it works")
    parser.add_argument("--output", type=Path, help="where the raw lines go")
    return parser


def main() -> None:
    options = arguments().parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    output = options.output or RESULTS / f"serving-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    with end_with_signals(), load_client() as client, output.open("w") as lines:
        lines.write(json.dumps({"machine": machine()}) + "\n")
        for stand_in in options.models:
            with tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder:
                setup = Setup(stand_in, endless(stand_in, Path(folder)), Path(folder), base=options.base)
                for result in run(options, setup, client):
                    lines.write(json.dumps(result) + "\n")
                    lines.flush()
                    if "error" in result:
                        print(f"{result['contender']} at {result['streams']}: {result['error']}", file=sys.stderr)
    print(f"raw lines: {output}\n", file=sys.stderr)
    show(output)


if __name__ == "__main__":
    main()
