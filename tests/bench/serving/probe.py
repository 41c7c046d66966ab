"""How long the server takes to answer what costs it nothing: its event loop's delay, seen from outside."""

from __future__ import annotations

import socket
import threading
import time
from typing import Final

__all__ = ["Probe"]

#: Refused by the server itself, before engine or isolate hear of it.
_REQUEST: Final = b"DELETE /cdn-cgi/local/ai/ps HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
_EVERY_S: Final = 0.005


class Probe:
    """Asks every 5 ms in a thread, until the block ends."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._times_s: list[float] = []
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def quantiles(self) -> dict[str, float]:
        """In milliseconds."""
        ordered = sorted(1000 * seconds for seconds in self._times_s)
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        return {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in shares.items()}

    def _ask(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._over.wait(_EVERY_S):
                asked = time.perf_counter()
                sock.sendall(_REQUEST)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += sock.recv(1 << 16)
                self._times_s.append(time.perf_counter() - asked)
