"""`paddock` with two things that no user needs: dummy weights, and a clock that ticks on the server's event loop.

    paddock_dev.py LOAD_FORMAT COMMAND...

With `auto` and without PADDOCK_BENCH_TICKS this is `paddock COMMAND...` and nothing else. PADDOCK_BENCH_TICKS names a
file of 16 bytes: the number of ticks, 5 ms apart, and how late the latest one was, in nanoseconds, both of 8 bytes in
the machine's order; whoever writes zeros begins anew.
"""

from __future__ import annotations

import functools
import mmap
import os
import struct
import sys
from typing import Any

import uvloop

from paddock.worker import assembly, cli

_TICK_S = 0.005


def _ticking_loop(path: str) -> Any:
    loop = plain_loop()
    with open(path, "r+b") as file:
        shared = mmap.mmap(file.fileno(), 16)

    def tick(due: float) -> None:
        now = loop.time()
        ticks, latest_ns = struct.unpack("=QQ", shared[:16])
        shared[:16] = struct.pack("=QQ", ticks + 1, max(latest_ns, int(1e9 * (now - due))))
        loop.call_at(now + _TICK_S, tick, now + _TICK_S)

    loop.call_later(_TICK_S, tick, loop.time() + _TICK_S)
    return loop


plain_loop = uvloop.new_event_loop

if __name__ == "__main__":
    load_format, *command = sys.argv[1:]
    if load_format != "auto":
        assembly.EngineSettings = functools.partial(assembly.EngineSettings, extra={"load_format": load_format})
    if ticks := os.environ.get("PADDOCK_BENCH_TICKS"):
        uvloop.new_event_loop = functools.partial(_ticking_loop, ticks)
    sys.exit(cli.main(command))
