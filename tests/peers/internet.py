"""What workers meet in place of the internet: a proxy on loopback that answers for every host, with and without TLS.

Suites fetch https://example.com, and their own harness answers with another worker. Here `paddock dev` is told, by the
environment variables of its HTTP client, to go through this proxy, which asks that worker, or has a small page of its
own. Certificates are made on the spot, by openssl, and trusted by that one process.
"""

from __future__ import annotations

import http.client
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

__all__ = ["Internet"]

_PAGE = b"<!doctype html><html><head><title>Example Domain</title></head><body><h1>Example Domain</h1></body></html>"
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "proxy-connection", "date", "server"}


class Internet:
    """Use as a context manager. `worker` is the address of the server that answers, None for the page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.worker: str | None = None
        self._make("ca", "-addext", "basicConstraints=critical,CA:TRUE")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Proxy,), {"internet": self}))

    def environment(self) -> dict[str, str]:
        """What sends a process's HTTP client here."""
        proxy = f"http://127.0.0.1:{self._server.server_port}"
        local, ca = "127.0.0.1,localhost", str(self._folder / "ca.pem")
        return {
            **{"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "http_proxy": proxy, "https_proxy": proxy},
            **{"NO_PROXY": local, "no_proxy": local, "SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca},
        }

    def context(self, host: str) -> ssl.SSLContext:
        """A server's side of TLS for a host."""
        with self._lock:
            if host not in self._contexts:
                ca = ["-CA", str(self._folder / "ca.pem"), "-CAkey", str(self._folder / "ca.key")]
                self._make(host, *ca, "-addext", f"subjectAltName=DNS:{host}")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self._folder / f"{host}.pem", self._folder / f"{host}.key")
                self._contexts[host] = context
            return self._contexts[host]

    def _make(self, name: str, *options: str) -> None:
        files = ["-keyout", str(self._folder / f"{name}.key"), "-out", str(self._folder / f"{name}.pem")]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        subprocess.run([*command, *files, *options], check=True, capture_output=True)

    def __enter__(self) -> Internet:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Proxy(BaseHTTPRequestHandler):
    internet: Internet
    protocol_version = "HTTP/1.1"
    origin = ""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.internet.context(host).wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]  # raw, as it was
        self.origin, self.close_connection = f"https://{host}", False

    def do_GET(self) -> None:
        body = self._body()
        url = urlsplit(self.path if "://" in self.path else self.origin + self.path)
        status, headers, answer = 200, [("content-type", "text/html")], _PAGE
        if self.internet.worker is not None:
            there = http.client.HTTPConnection(urlsplit(self.internet.worker).netloc, timeout=60)
            sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
            there.request(self.command, path, body, sent | {"Host": url.netloc})
            reply = there.getresponse()
            status, headers, answer = reply.status, reply.getheaders(), reply.read()
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, format: str, *args: object) -> None:
        pass
