"""The warm fork server with real processes: what it forks, how it hears of deaths, and that nothing survives."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.hostplan import HostPlan, engine_environment
from paddock.bindings.ai.engines.hostprocess import quote
from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: A server that loads one model and then does nothing. Prints its children.
SERVER = """
import asyncio, sys
from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.hostplan import HostPlan
from paddock.bindings.ai.engines.settings import EngineSettings

async def main():
    forkserver = ForkServer(HostPlan(host="fake_host:main", modules=(), environment={"PYTHONPATH": sys.argv[1]}))
    forkserver.start()
    engine = EmbeddedEngine(EngineSettings(model_path="/nowhere", served_name="model"), forkserver)
    await engine.load()
    print(forkserver.pid, engine.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _run(plan: HostPlan, test: Callable[[ForkServer], Awaitable[None]]) -> None:
    async def main() -> None:
        forkserver = ForkServer(plan)
        try:
            async with asyncio.timeout(30):
                await test(forkserver)
        finally:
            await forkserver.close()

    asyncio.run(main())


def _end_of_file(sock_fd: int) -> bool:
    """Wait until the other end is closed everywhere."""
    readable, _, _ = select.select([sock_fd], [], [], 10)
    return bool(readable)


def test_start_returns_at_once_and_may_be_called_twice(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        forkserver.start()
        pid = forkserver.pid
        forkserver.start()
        assert pid is not None and forkserver.pid == pid

    _run(plan, test)


def test_fork_server_that_cannot_be_started_says_so_and_leaks_nothing(
    plan: HostPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(forkserver: ForkServer) -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        before = len(os.listdir("/proc/self/fd"))
        forkserver.start()
        with pytest.raises(EngineUnavailable, match=r"did not start: .*/nowhere/python"):
            await forkserver.fork("model")
        assert len(os.listdir("/proc/self/fd")) == before

    _run(plan, test)


def test_host_is_gone_at_once_when_it_is_killed_before_the_imports_are_done(plan: HostPlan, tmp_path: Path) -> None:
    (tmp_path / "endless_import.py").write_text("import signal\nsignal.pause()\n")
    slow = HostPlan(host=plan.host, modules=("endless_import",), environment={"PYTHONPATH": str(tmp_path)})

    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        with host.sock:
            host.kill()
            assert await host.gone == "a kill before it was forked"

    _run(slow, test)


def test_failed_fork_ends_that_host_only(plan: HostPlan, tmp_path: Path) -> None:
    (tmp_path / "one_fork.py").write_text(
        "import os\n"
        "forks = iter([os.fork])\n"
        "def fork():\n"
        "    for real in forks:\n"
        "        return real()\n"
        "    raise BlockingIOError(11, 'no more processes')\n"
        "os.fork = fork\n"
    )
    path = f"{plan.environment['PYTHONPATH']}{os.pathsep}{tmp_path}"
    unable = HostPlan(host=plan.host, modules=("one_fork",), environment={"PYTHONPATH": path})

    async def test(forkserver: ForkServer) -> None:
        first, second = await forkserver.fork("first"), await forkserver.fork("second")
        with first.sock, second.sock:
            assert await second.gone == "exit code 1"
            assert "no more processes" in second.last_lines[-1]
            assert not first.gone.done()
            await forkserver.close()
            await first.gone

    _run(unable, test)


def test_close_without_a_fork_ends_the_process(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        forkserver.start()
        await forkserver.close()
        assert forkserver.pid is None

    _run(plan, test)


def test_exit_of_a_host_is_reported_with_its_signal(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        with host.sock:
            while host.pid is None:  # noqa: ASYNC110 # nobody but this test wants to know, so there is no event
                await asyncio.sleep(0)
            host.kill()
            assert await host.gone == "signal 9 (SIGKILL)"

    _run(plan, test)


def test_end_of_the_socket_ends_the_host(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        host.sock.close()
        assert await host.gone == "exit code 0"

    _run(plan, test)


def test_host_holds_no_descriptor_of_the_next_one(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        # Both are asked for before the fork server has read anything, so their descriptors arrive together.
        first, second = await forkserver.fork("first"), await forkserver.fork("second")
        with first.sock, second.sock:
            second.kill()
            await second.gone
            assert await asyncio.to_thread(_end_of_file, second.sock.fileno())
            assert not first.gone.done()
            await forkserver.close()
            await first.gone

    _run(plan, test)


def test_death_of_the_fork_server_ends_its_hosts_and_the_next_fork_starts_another(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        assert forkserver.pid is not None
        os.kill(forkserver.pid, signal.SIGKILL)
        with host.sock:
            assert await host.gone == "the end of its fork server (signal 9 (SIGKILL))"
        again = await forkserver.fork("model")
        with again.sock:
            again.kill()
            await again.gone

    _run(plan, test)


def test_fork_server_that_does_not_reap_is_killed_with_its_hosts(
    plan: HostPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        while host.pid is None:  # noqa: ASYNC110 # nobody but this test wants to know, so there is no event
            await asyncio.sleep(0)
        assert forkserver.pid is not None
        os.kill(forkserver.pid, signal.SIGSTOP)
        monkeypatch.setattr("paddock.bindings.ai.engines.forkserver._REAP_S", 0.0)
        with host.sock:
            host.kill()
            assert await host.gone == "the end of its fork server (signal 9 (SIGKILL))"

    _run(plan, test)


def test_module_that_cannot_be_imported_is_reported_and_skipped(
    plan: HostPlan, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        host.sock.close()
        await host.gone

    with caplog.at_level(logging.DEBUG):
        _run(HostPlan(plan.host, ("json", "no_such_module"), plan.environment), test)
    assert "missing=no_such_module: ModuleNotFoundError" in caplog.text


def test_fork_server_that_cannot_start_says_why(plan: HostPlan) -> None:
    async def test(forkserver: ForkServer) -> None:
        host = await forkserver.fork("model")
        with host.sock:
            assert await host.gone == "the end of its fork server (exit code 1)"
        assert "ModuleNotFoundError: No module named 'no_such_host'" in host.last_lines

    _run(HostPlan("no_such_host:main", (), plan.environment), test)


def test_start_from_another_thread_is_refused(plan: HostPlan) -> None:
    errors: list[RuntimeError] = []

    def start() -> None:
        try:
            ForkServer(plan).start()
        except RuntimeError as exc:
            errors.append(exc)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_missing_vllm_is_told_at_the_first_fork_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(distribution: str) -> str:
        raise metadata.PackageNotFoundError(distribution)

    async def test(forkserver: ForkServer) -> None:
        forkserver.start()
        with pytest.raises(EngineUnavailable, match=r'pip install "paddock\[cpu\]"'):
            await forkserver.fork("model")

    monkeypatch.setattr(metadata, "version", version)
    _run(HostPlan(), test)


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open and the parent death signal")
def test_kill_of_the_server_leaves_nothing_half_a_second_later() -> None:
    command = [sys.executable, "-c", SERVER, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        left = {os.pidfd_open(pid): pid for pid in pids}
        server.kill()
        poller = select.poll()
        for pidfd in left:
            poller.register(pidfd, select.POLLIN)
        while left and (gone := poller.poll(500)):
            for pidfd, _ in gone:
                poller.unregister(pidfd)
                os.close(pidfd)
                del left[pidfd]
    assert len(pids) == 2 and not left


def test_environment_leaves_what_the_user_set_but_for_what_the_design_needs() -> None:
    environment = engine_environment({"OMP_NUM_THREADS": "3", "VLLM_ENABLE_V1_MULTIPROCESSING": "1", "HOME": "/home"})
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["HOME"] == "/home"
    assert environment["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_quote_is_the_last_lines_or_the_beginning_of_a_crash() -> None:
    lines = [f"line {number}" for number in range(40)]
    assert quote(lines).splitlines()[1:] == [f"  line {number}" for number in range(30, 40)]
    dump = ["terminate called", "Fatal Python error: Aborted", "Current thread", "  File first", *lines]
    assert quote(["all is well", *dump]).splitlines()[1:4] == ["  all is well", "  terminate called", f"  {dump[1]}"]
    assert quote([*lines, *dump]).splitlines()[5:9] == [f"  {line}" for line in dump[:4]]
    assert quote([]) == "It printed nothing."


def test_one_core_is_left_to_the_server() -> None:
    assert int(engine_environment({})["OMP_NUM_THREADS"]) == max(1, len(os.sched_getaffinity(0)) - 1)
