"""An isolate: `python -P -m paddock.worker.isolate FD PARENT_PID`. One process, one handler.

Order matters. The death signal comes first, so that nothing of us outlives the server; the search path before anything
of the user; `Ready` only after the handler is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import logging
import signal
import socket
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.channel import die_with_parent
from paddock.worker.isolate import breakpoints, debugging, switching, traced, webloop
from paddock.worker.isolate.breakpoints import TerminalLine
from paddock.worker.isolate.calls import Calls
from paddock.worker.isolate.confinement import refuse_threads_and_processes
from paddock.worker.isolate.context import lengthen_limits, wait_until
from paddock.worker.isolate.env import make_env
from paddock.worker.isolate.events import Events
from paddock.worker.isolate.globalscope import global_scope
from paddock.worker.isolate.loader import ImportFailure, load
from paddock.worker.isolate.notes import record_output
from paddock.worker.isolate.own import OwnWorker
from paddock.worker.isolate.remotecalls import RemoteCalls
from paddock.worker.isolate.searchpath import prepare_path
from paddock.worker.isolate.services import exports_of
from paddock.worker.isolate.transport import Transport
from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.fetch import set_transport
from paddock.worker.peer import Peer

if TYPE_CHECKING:
    from paddock.worker.isolate.loader import Entrypoint
    from paddock.worker.peer import IncomingFetch

__all__ = ["main", "serve"]

#: What the SDK and the shims import in any case: loaded while the process stands by, so that no save waits for it.
_AHEAD: Final = (
    "http.client",
    "tempfile",
    *(
        f"paddock.worker.isolate.web.{name}"
        for name in ("console", "convert", "crypto", "encoding", "objectclass", "proxies", "timers", "transform")
    ),
)


class _Isolate:
    """The process's state: waits for Start, imports, serves until Drain is done or the server is gone."""

    def __init__(self, make_events: type[Events], debugger_port: int | None, line: TerminalLine | None) -> None:
        breakpoints.install(line, debugger_port is not None, lengthen_limits)
        self._debugger_port = debugger_port
        self._make_events = make_events
        self._peer = Peer(1, self._serve, self._on_frame)
        self._started: asyncio.Future[wire.Start] = asyncio.get_running_loop().create_future()
        self._events: Events | None = None
        self._open_events = 0
        self._is_draining = False

    async def run(self, sock: socket.socket) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._start())
            await self._peer.run(sock)
            self._started.cancel()

    async def _start(self) -> None:
        if self._debugger_port is not None:
            await self._peer.opened.wait()
            self._peer.send(wire.Inspectable(self._debugger_port))
        start = await self._started
        if start.protocol != wire.PROTOCOL:
            sys.exit(f"expected protocol {wire.PROTOCOL}; the server speaks {start.protocol}: restart paddock")
        if start.waits_for_debugger:
            debugging.wait()
        began = time.perf_counter()
        transport = Transport(self._peer)
        set_transport(transport)
        remote = RemoteCalls(transport, start.isolate)
        try:
            entrypoint, self._events = _load(start, remote, self._make_events)
        except ImportFailure as error:
            self._peer.send(wire.Failed(error.kind, error.message, error.file, error.line, error.column, error.frames))
            return
        if self._make_events.is_alone:
            gc.freeze()  # what is imported stays: looking for garbage, which `Answers` does, need not look there
        import_ms = (time.perf_counter() - began) * 1e3
        self._peer.send(wire.Ready(wire.PROTOCOL, entrypoint.handlers(), import_ms))

    async def _serve(self, incoming: IncomingFetch) -> None:
        assert self._events is not None, "the server sends events after Ready only"
        self._open_events += 1
        try:
            await self._events.serve(self._peer, incoming)
        finally:
            self._open_events -= 1
            self._leave_when_drained()

    def _on_frame(self, frame: wire.Frame) -> None:
        match frame:
            case wire.Start():
                self._started.set_result(frame)
            case wire.Ping():
                self._peer.send(wire.Pong())
            case wire.Drain():
                self._is_draining = True
                # Later: an event that came just before has not begun yet.
                asyncio.get_running_loop().call_soon(self._leave_when_drained)
            case _:
                raise ValueError(f"unexpected frame {type(frame).__name__}")

    def _leave_when_drained(self) -> None:
        if self._is_draining and not self._open_events:
            self._peer.leave()


def _load(start: wire.Start, remote: RemoteCalls, make_events: type[Events]) -> tuple[Entrypoint, Events]:
    """Everything between Start and Ready that can fail because of the handler."""
    main_file, flags = Path(start.main), set(start.flags)
    root = Path(start.root) if start.root else main_file.parent
    has_vendor = "python_workers_force_new_vendor_path" not in flags
    prepare_path(main_file, root, has_vendor=has_vendor, has_pth="python_process_pth_files" in flags)
    era.select(_era(flags))
    if era.current().has_node:
        import_module("paddock.worker.isolate.web.node").PROCESS.populate(start.strings)
    own = OwnWorker(start.wait_until_s)
    env = make_env(start, own, remote)
    # Importable only now: these modules have their names only while the shims are on the path.
    import_module("_cloudflare_compat_flags").install(dict.fromkeys(flags, True))
    import_module("_pyodide_entrypoint_helper").install(env, wait_until)
    if start.is_strict and make_events.is_alone:
        refuse_threads_and_processes(asyncio.get_running_loop())
    with global_scope(main_file.parent, is_strict=start.is_strict and make_events.is_alone):
        if start.stops_at_first_line:
            debugging.stop_at_first_line()
        entrypoint = load(main_file, has_global_handlers="python_no_global_handlers" not in flags)
    calls = Calls(entrypoint, env)
    exports = exports_of(own, entrypoint.exports()) if "enable_ctx_exports" in flags else None
    own.open(calls, exports)
    if make_events.is_alone:
        record_output()
    if start.is_traced:
        traced.record()
    secrets = [start.strings[name] for name in start.secret_names if name in start.strings]
    return entrypoint, make_events(calls, remote, start.wait_until_s, start.cpu_ms, exports, secrets)


def _era(flags: set[str]) -> era.Era:
    """The runtime generation of a compatibility date. Source: workerd's compatibility table."""
    if "python_workers_20260610" in flags:
        python = era.NEWEST
    elif "python_workers_20250116" in flags:
        python = era.Era(dicts_become_maps=True, pyodide_version="0.28.2")
    else:
        python = era.Era(null_is_none=True, dicts_become_maps=True, waits_at_import=False, pyodide_version="0.26.0a2")
    return python._replace(
        has_node="nodejs_compat_v2" in flags,
        bindings_are_raw="enable_python_external_sdk" not in flags and not _brings_sdk(),
        sockets_get_blobs="websocket_standard_binary_type" in flags,
        sockets_answer_close="web_socket_auto_reply_to_close" in flags,
        sockets_limit_reason="websocket_close_reason_byte_limit" in flags,
    )


def _brings_sdk() -> bool:
    """Whether the project has a `workers` package of its own, which then is the one that counts, whatever the date."""
    found = find_spec("workers")
    return found is not None and "python_modules" in Path(found.origin or "").parts


def _offer_to_the_oom_killer() -> None:
    """When the machine has no memory left before the server sees why, this process goes, and no other. proc(5)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def main(make_events: type[Events] = Events) -> None:
    """Run the isolate until its server is done with it. `make_events` is another class in tests of handlers."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent)
    _offer_to_the_oom_killer()
    # The server asks where a handler loops before it kills the process.
    faulthandler.register(signal.SIGUSR2, all_threads=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the server, which drains us
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s:%(name)s:%(message)s")
    for name in _AHEAD:
        import_module(name)
    sock = socket.socket(fileno=descriptor)
    debugger_port = debugging.listen() if "inspect" in sys.argv[3:] else None
    line = next((TerminalLine.at(word) for word in sys.argv[3:] if word.startswith("terminal=")), None)

    webloop.install()
    with asyncio.Runner(loop_factory=webloop.IsolateLoop) as runner:
        runner.run(serve(sock, make_events, debugger_port, line))


async def serve(
    sock: socket.socket,
    make_events: type[Events],
    debugger_port: int | None = None,
    line: TerminalLine | None = None,
) -> None:
    """Be an isolate on the loop that runs, an `IsolateLoop`, until the server is done with it."""
    switching.install(asyncio.get_running_loop())
    await _Isolate(make_events, debugger_port, line).run(sock)


if __name__ == "__main__":
    main()
