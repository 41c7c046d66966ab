"""How hypercorn serves: limits, time-outs, and what it keeps quiet about."""

from __future__ import annotations

import logging
import ssl
import sys
import time
from typing import TYPE_CHECKING, Final

from hypercorn.config import Config as HypercornConfig

from paddock.worker.connection import install as install_connections
from paddock.worker.http import MAX_HEADER_BYTES, MAX_URL_BYTES
from paddock.worker.listener import BACKLOG
from paddock.worker.plainhttp import TlsContext
from paddock.worker.wsstream import install as install_sockets

if TYPE_CHECKING:
    import socket

    from paddock.worker.certificate import CertificateFiles

__all__ = ["serving_config"]

_KEEP_ALIVE_S: Final = 75.0
#: Open responses get this long when the server stops.
_GRACE_S: Final = 1.0


class _Config(HypercornConfig):
    """hypercorn's configuration, which puts a date into words once a second and not for each response."""

    _dated: tuple[int, str, list[tuple[bytes, bytes]]] = (0, "", [])

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        now = int(time.time())
        if self._dated[:2] != (now, protocol):
            self._dated = (now, protocol, super().response_headers(protocol))
        return self._dated[2]

    def create_ssl_context(self) -> ssl.SSLContext | None:
        if self.certfile is None:
            return None
        context = TlsContext(ssl.PROTOCOL_TLS_SERVER)
        # What HTTP/2 demands. Source: RFC 9113, 9.2.
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION
        context.set_ciphers(self.ciphers)
        context.set_alpn_protocols(self.alpn_protocols)
        context.load_cert_chain(self.certfile, self.keyfile)
        return context


def serving_config(sockets: list[socket.socket], certificate: CertificateFiles | None = None) -> HypercornConfig:
    """How hypercorn serves bound sockets, which it takes over; with a certificate over TLS, and HTTP/2 as well."""
    install_connections()
    install_sockets()
    config = _Config()
    config.bind = [f"fd://{sock.detach()}" for sock in sockets]
    if certificate is not None:
        config.keyfile, config.certfile = str(certificate.key), str(certificate.certificate)
    config.backlog = BACKLOG
    config.keep_alive_timeout = _KEEP_ALIVE_S
    config.keep_alive_max_requests = sys.maxsize
    config.graceful_timeout = _GRACE_S
    config.shutdown_timeout = _GRACE_S
    config.accesslog = None
    config.errorlog = logging.getLogger("paddock.http")
    config.errorlog.setLevel(logging.WARNING)  # where it listens is said once, by us
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEADER_BYTES + MAX_URL_BYTES
    config.h2_max_header_list_size = MAX_HEADER_BYTES + MAX_URL_BYTES
    return config
