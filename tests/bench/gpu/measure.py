"""The comparison on a GPU: Paddock beside `vllm serve`, dummy weights in real shapes, and what loading costs.

    python tests/bench/gpu/measure.py [--models phi,llama,mistral] [--levels 1,16,64,256] [--rounds 3] [--eager]
        [--parts serving,lora,cold,memory] [--tiny] [--output FILE]

Run it with the Python of an environment that has Paddock and vLLM (`install.sh` makes one). `--tiny` keeps the
stand-ins' own shapes: a dry run, also on a CPU. Both forms of the engine host take part: `rest` has the engine core in
the host's process, `rest-core` in one of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shapes import adapter, shaped

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "serving"))

import cold
from compare import RESULTS, machine, run
from contenders import CONTENDERS, Setup, ask, start_paddock
from measuring import LoadClient, load_client
from processes import end_with_signals
from table import show

_MODELS: Final = ("phi", "llama", "mistral")
_CONTENDERS: Final = ("vllm-mp", "rest", "rest-core", "handler")
_PARTS: Final = ("serving", "lora", "cold", "memory")
#: The three servers share the GPU; those that are not measured are stopped, and keep their memory.
_SHARE: Final = 0.29
_POLL_S: Final = 0.1
_SLEEP_S: Final = 60.0


def gpu() -> dict[str, Any]:
    """Name, driver and memory of the first GPU; empty where there is none."""
    names = ("name", "driver_version", "memory.total", "memory.used")
    try:
        command = ["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits"]
        line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return {}
    return dict(zip(names, line.split(", "), strict=True))


def versions(python: str) -> dict[str, str]:
    """What runs: vLLM, torch and their CUDA."""
    code = "import json, torch, vllm; print(json.dumps([vllm.__version__, torch.__version__, str(torch.version.cuda)]))"
    line = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    return dict(zip(("vllm", "torch", "cuda"), json.loads(line), strict=True))


def used_mb(processes_mb: float) -> float:
    """Memory of the GPU that is taken; without one, what the engine's processes hold."""
    found = gpu()
    return float(found["memory.used"]) if found else processes_mb


def setup_for(stand_in: str, folder: Path, options: argparse.Namespace) -> Setup:
    has_gpu = bool(gpu())
    return Setup(
        stand_in,
        shaped(stand_in, folder, is_tiny=options.tiny),
        folder,
        tokens=32 if options.tiny else 128,
        max_num_seqs=max(options.levels),
        max_model_len=512 if options.tiny else 2048,
        kv_cache_bytes=None if has_gpu else 128 << 20,
        gpu_memory_utilization=_SHARE if has_gpu else None,
        enforce_eager=options.eager or not has_gpu,
        load_format="dummy",
    )


def serving(setup: Setup, client: LoadClient, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The table of `compare.py`."""
    yield from run(options, setup, client)


def with_adapter(setup: Setup, client: LoadClient, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Base and adapter in turn on servers that can do both."""
    folder = adapter(setup.model, setup.folder / "adapter")
    setup = setup._replace(adapters={"bench": folder})
    for name in ("", "bench"):
        for result in run(options, setup._replace(adapter=name), client):
            yield {**result, "model": f"{setup.stand_in}, {'adapter' if name else 'base, LoRA on'}"}


def cold_starts(setup: Setup, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """From the command to the first token, and for a model that is asked for once the fork server is warm."""
    for number in range(options.rounds):
        common = {"model": setup.stand_in, "round": number}
        yield {**common, "what": "paddock", **cold.paddock_at_start(setup)}
        yield {**common, "what": "paddock warm", **cold.paddock_warm(setup, (setup.stand_in,))}
        yield {**common, "what": "mp", **cold.vllm_at_start(setup, "mp")}


def memory(setup: Setup) -> Iterator[dict[str, Any]]:
    """Memory before, loaded, asleep, awake and unloaded, and how long waking takes."""
    before = used_mb(0.0)
    server = start_paddock(setup._replace(sleep_after="1s"))
    with server.tree:
        request = cold.streamed(setup, "rest", server.port)

        def held_mb() -> float:
            return used_mb(server.tree.memory_mb().get("host", {}).get("pss", 0.0))

        def state() -> str:
            listed = json.loads(ask(server.port, "GET /cdn-cgi/local/ai/ps HTTP/1.1\r\n\r\n"))
            return str(listed["models"].get(setup.card, {}).get("state", "cold"))

        def until(wanted: str) -> float | None:
            began = time.monotonic()
            while state() != wanted:
                if time.monotonic() - began > _SLEEP_S:
                    return None
                time.sleep(_POLL_S)
            return time.monotonic() - began

        asked = time.monotonic()
        found: dict[str, Any] = {"load_s": cold.first_token(server.port, request) - asked, "loaded_mb": held_mb()}
        if gpu() and until("sleeping") is not None:
            found["asleep_mb"] = held_mb()
            asked = time.monotonic()
            found["wake_s"] = cold.first_token(server.port, request) - asked
            found["awake_mb"] = held_mb()
        order = json.dumps({"model": setup.card, "force": True})
        asked = time.monotonic()
        ask(server.port, f"POST /cdn-cgi/local/ai/unload HTTP/1.1\r\n\r\n{order}")
        found |= {"unload_s": time.monotonic() - asked, "unloaded_mb": held_mb(), "before_mb": before}
        yield {"model": setup.stand_in, "what": "memory", **found}


def measured(options: argparse.Namespace, client: LoadClient) -> Iterator[dict[str, Any]]:
    for stand_in in options.models:
        folder = Path(tempfile.mkdtemp(prefix="paddock-bench-"))
        try:
            setup = setup_for(stand_in, folder, options)
            parts = {
                "serving": lambda setup=setup: serving(setup, client, options),
                "lora": lambda setup=setup: with_adapter(setup, client, options) if setup.stand_in == "mistral" else (),
                "cold": lambda setup=setup: cold_starts(setup, options),
                "memory": lambda setup=setup: memory(setup),
            }
            for part in options.parts:
                yield from parts[part]()
        finally:
            shutil.rmtree(folder)


def show_rest(results: list[dict[str, Any]]) -> None:
    """Cold starts and memory, as they were measured."""
    print("### Cold starts and memory\n\n| model | what | round | figures |\n|---|---|---|---|")
    for result in results:
        if "contender" in result:
            continue
        figures = {n: v for n, v in result.items() if isinstance(v, float)}
        text = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
        print(f"| {result['model']} | {result['what']} | {result.get('round', '')} | {text} |")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(_MODELS))
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(_PARTS))
    parser.add_argument("--levels", type=lambda t: [int(n) for n in t.split(",")], default=[1, 16, 64, 256])
    parser.add_argument("--contenders", type=lambda t: t.split(","), default=list(_CONTENDERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--eager", action="store_true", help="no compilation and no CUDA graphs, for everybody")
    parser.add_argument("--tiny", action="store_true", help="the stand-ins' own shapes: a dry run")
    parser.add_argument("--quick", action="store_true", help="a quarter of the answers")
    parser.add_argument("--output", type=Path, help="where the raw lines go")
    parser.set_defaults(rates=[], whole=False)
    return parser


def main() -> None:
    options = arguments().parse_args()
    if unknown := [name for name in options.contenders if name not in CONTENDERS]:
        raise SystemExit(f"no such contenders: {', '.join(unknown)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    output = options.output or RESULTS / f"gpu-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    results = []
    with end_with_signals(), load_client() as client, output.open("w") as lines:
        about = {"machine": machine(), "gpu": gpu(), "versions": versions(sys.executable), "eager": options.eager}
        lines.write(json.dumps(about) + "\n")
        print(about)
        for result in measured(options, client):
            results.append(result)
            lines.write(json.dumps(result) + "\n")
            lines.flush()
            if "error" in result:
                print(result, file=sys.stderr)
    show(output)
    show_rest(results)


if __name__ == "__main__":
    main()
