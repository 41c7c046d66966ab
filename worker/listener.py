"""Listening sockets, bound before anything else starts, so that a busy port is known at once. DT-005 to DT-007."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Final

from paddock.worker.errors import PortInUse

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BACKLOG", "listen"]

#: Ports tried after the default one. Source: wrangler's port rule.
_NEXT_PORTS: Final = 10
_LAST_PORT: Final = 65535
_LOCALHOST: Final = "localhost"
#: A burst of connections waits here instead of being dropped.
BACKLOG: Final = 4096


def listen(ip: str, port: int, *, is_fixed: bool, tries_next: bool = True) -> list[socket.socket]:
    """Listening sockets on one port: the first of the candidates that is free. `localhost` means both address families.

    Without `tries_next`, as in CI, any free port follows at once.

    Raises PortInUse when `port` was asked for and is taken; OSError for an address that is not of this machine.
    """
    for candidate in _candidates(port, is_fixed=is_fixed, tries_next=tries_next):
        try:
            return _bind(ip, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise PortInUse(ip, port)


def _candidates(port: int, *, is_fixed: bool, tries_next: bool) -> Iterator[int]:
    yield port
    if port and not is_fixed:
        if tries_next:
            yield from range(port + 1, min(port + 1 + _NEXT_PORTS, _LAST_PORT + 1))
        yield 0


def _bind(ip: str, port: int) -> list[socket.socket]:
    if ip != _LOCALHOST:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return [_socket(family, ip, port)]
    first = _socket(socket.AF_INET, "127.0.0.1", port)
    try:
        return [first, _socket(socket.AF_INET6, "::1", first.getsockname()[1])]
    except OSError as error:
        if error.errno == errno.EADDRINUSE and port:
            first.close()
            raise
        return [first]  # no IPv6 on this machine


def _socket(family: socket.AddressFamily, ip: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((ip, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
