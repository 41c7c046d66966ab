"""The dev server's spans, as a collector gets them."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

PROJECT = """
name = "traced"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]

[paddock.engine]
kind = "off"
"""


def test_requests_of_the_dev_server_reach_the_collector(
    start_dev: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    (tmp_path / "wrangler-like.toml").write_text(PROJECT)
    (tmp_path / "handler.py").write_text("")
    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        serving = threading.Thread(target=collector.serve_forever)
        serving.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        server = start_dev(tmp_path, tmp_path / "ready")
        with server.client as client:
            client.get("/lighthouses")
        assert server.stop() == 130
        collector.shutdown()
        serving.join()
    assert [path for path, _ in received] == ["/v1/traces"]
    assert b"GET /lighthouses" in received[0][1]
