"""What tests of Workers cost: the test kit beside Vitest in workerd, the same tests with models that are made up.

    .venv/bin/python tests/bench/testkit.py [--counts 1,10,100,1000] [--rounds 3] [--clients .cache/clients]

A test sends one request to a Worker, which asks `env.AI` and answers. Whole runs, from the command to its end, and what
one more test costs between two counts; both sides in turns, on one core (`--core 1`; -1: any). The other side is left
out where `make test-clients` has not installed it.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

HANDLER: Final = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response.json(await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "Hi"}))
"""
CONFIG: Final = """
name = "bench"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[ai]
binding = "AI"
"""
TESTS: Final = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_answers(client, number):
    assert client.get("/").json()["response"]
"""
WORKER: Final = """
export default {
  async fetch(request, env) {
    return Response.json(await env.AI.run("@cf/microsoft/phi-2", { prompt: "Hi" }));
  },
};
"""
#: The binding is there, and leads nowhere: every call is mocked.
VITEST_CONFIG: Final = """
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

const ai = { binding: "AI", remoteProxyConnectionString: new URL("http://127.0.0.1:9") };
const miniflare = { compatibilityDate: "2026-04-01", ai };
export default defineConfig({ plugins: [cloudflareTest({ main: "./worker.mjs", remoteBindings: false, miniflare })] });
"""
#: A request to the Worker, as ours; and a call of its function, which is less.
VITEST_TESTS: Final = """
import {{ SELF, env }} from "cloudflare:test";
import {{ expect, test, vi }} from "vitest";

for (let number = 0; number < {count}; number++) {{
  test(`answers ${{number}}`, async () => {{
    vi.spyOn(env.AI, "run").mockResolvedValue({{ response: "made up" }});
    expect((await (await SELF.fetch("http://worker.test/")).json()).response).toBe("made up");
  }});
}}
"""
VITEST_CALLS: Final = """
import {{ createExecutionContext, waitOnExecutionContext }} from "cloudflare:test";
import {{ expect, test, vi }} from "vitest";
import worker from "./worker.mjs";

for (let number = 0; number < {count}; number++) {{
  test(`answers ${{number}}`, async () => {{
    const env = {{ AI: {{ run: vi.fn().mockResolvedValue({{ response: "made up" }}) }} }};
    const ctx = createExecutionContext();
    const answer = await worker.fetch(new Request("http://worker.test/"), env, ctx);
    await waitOnExecutionContext(ctx);
    expect((await answer.json()).response).toBe("made up");
  }});
}}
"""


class Cost(NamedTuple):
    """Of one run, with everything that it started: seconds from the command to its end, and of processor time."""

    wall_s: float
    cpu_s: float


class Side(NamedTuple):
    """One contender, and its command in a folder that is ready."""

    name: str
    command: list[str]
    folder: Path
    test_file: Path
    template: str


def run(side: Side, count: int, core: int) -> Cost:
    side.test_file.write_text(side.template.format(count=count))
    bound = ["taskset", "-c", str(core)] if core >= 0 else []
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "NO_COLOR": "1", "CI": "1"}
    done = subprocess.run(
        [*bound, *side.command], cwd=side.folder, capture_output=True, text=True, check=False, env=environment
    )
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or f"{count} passed" not in done.stdout:
        raise SystemExit(f"{side.name}: {done.stdout}{done.stderr}")
    return Cost(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def kit(folder: Path, python: str) -> Side:
    folder.mkdir()
    (folder / "handler.py").write_text(HANDLER)
    (folder / "wrangler-like.toml").write_text(CONFIG)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # Plugins of other packages, which an environment for Workers need not have.
    command += [part for name in ("asyncio", "timeout", "hypothesispytest", "xdist") for part in ("-p", f"no:{name}")]
    return Side("Paddock's test kit", command, folder, folder / "test_bench.py", TESTS)


def vitest(folder: Path, clients: Path, name: str, tests: str) -> Side | None:
    if not (clients / "node_modules" / "@cloudflare" / "vitest-pool-workers").is_dir():
        return None
    folder.mkdir()
    (folder / "node_modules").symlink_to((clients / "node_modules").resolve())
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "worker.mjs").write_text(WORKER)
    (folder / "vitest.config.mjs").write_text(VITEST_CONFIG)
    node = clients / "node_modules" / "node" / "bin" / "node"
    command = [str(node.resolve()) if node.exists() else "node", "node_modules/vitest/vitest.mjs", "run"]
    return Side(f"vitest-pool-workers, {name}", command, folder, folder / "bench.test.mjs", tests)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1,10,100,1000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--clients", type=Path, default=Path(__file__).parents[2] / ".cache" / "clients")
    parser.add_argument("--python", default=sys.executable, help="of another environment, with paddock[test] in it")
    asked = parser.parse_args()
    counts = [int(count) for count in asked.counts.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        sides = [
            kit(Path(folder, "kit"), asked.python),
            vitest(Path(folder, "requests"), asked.clients, "SELF.fetch", VITEST_TESTS),
            vitest(Path(folder, "calls"), asked.clients, "a call", VITEST_CALLS),
        ]
        found = [side for side in sides if side is not None]
        costs: dict[tuple[str, int], list[Cost]] = {}
        for count in counts:
            for _ in range(asked.rounds):
                for side in found:
                    costs.setdefault((side.name, count), []).append(run(side, count, asked.core))
    print(f"{platform.python_implementation()} {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(f"| tests | {' | '.join(f'{side.name}: seconds | of processor time' for side in found)} |")
    print(f"|---|{'---|' * 2 * len(found)}")
    for count in counts:
        cells = [median(costs[side.name, count]) for side in found]
        print(f"| {count} | {' | '.join(f'{cost.wall_s:.2f} | {cost.cpu_s:.2f}' for cost in cells)} |")
    if len(counts) > 1:
        few, many = counts[0], counts[-1]
        cells = [
            (median(costs[side.name, many]).cpu_s - median(costs[side.name, few]).cpu_s) / (many - few) * 1000
            for side in found
        ]
        print(f"| one more, ms | {' | '.join(f'| {cell:.2f}' for cell in cells)} |")


def median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(c.wall_s for c in costs), statistics.median(c.cpu_s for c in costs))


if __name__ == "__main__":
    main()
