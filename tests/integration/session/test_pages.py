"""https, and pages that are loaded again."""

import socket as sockets
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, Request, TextMessage

from .conftest import CONFIG, Start

HTML = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/json"):
            return Response.json({"version": 1})
        return Response("<h1>first version</h1> " + request.url, headers={"content-type": "text/html"})
"""


def handshake(connection, host: str):
    """Ask for the WebSocket of a page over a raw connection; the first event of the answer."""
    socket = WSConnection(ConnectionType.CLIENT)
    connection.sendall(socket.send(Request(host=host, target="/cdn-cgi/live-reload")))
    return socket, next_event(socket, connection)


def next_event(socket: WSConnection, connection):
    while True:
        for event in socket.events():
            return event
        socket.receive_data(connection.recv(4096))


def test_a_page_is_told_of_a_save_and_json_has_no_script(start: Start, tmp_path: Path) -> None:
    """DT-037"""
    (tmp_path / "public").mkdir()
    session = start("--live-reload", config=CONFIG + '[assets]\ndirectory = "public"\n', handler=HTML)
    with session.ready() as client:
        page = client.get("/")
        assert page.text.startswith("<h1>first version</h1>") and "/cdn-cgi/live-reload" in page.text
        assert client.get("/json").json() == {"version": 1}
        port = client.base_url.port
        assert port is not None
        with sockets.create_connection(("127.0.0.1", port), timeout=30) as connection:
            assert isinstance(handshake(connection, "evil.example")[1], RejectConnection)
        for change in (tmp_path / "handler.py", tmp_path / "public" / "index.css"):
            with sockets.create_connection(("127.0.0.1", port), timeout=30) as connection:
                socket, event = handshake(connection, "localhost")
                assert isinstance(event, AcceptConnection)
                change.write_text(HTML.replace("first", "second"))
                assert isinstance(news := next_event(socket, connection), TextMessage)
                assert news.data == "reload"
        assert "second version" in client.get("/").text
        with sockets.create_connection(("127.0.0.1", port), timeout=30) as connection:
            assert isinstance(handshake(connection, "localhost")[1], AcceptConnection)
            assert session.end() == 130, "an open page does not hold it up"
    assert "Traceback" not in session.said, session.said


def test_https_shows_a_certificate_that_is_kept_and_speaks_http2(start: Start, tmp_path: Path) -> None:
    session = start("--local-protocol", "https", handler=HTML)
    with session.ready() as client:
        assert "https://localhost:" in client.get("/").text
        file = tmp_path / "cache" / "paddock" / "https" / "localhost.pem"
        trusting = ssl.create_default_context(cafile=str(file))
        with httpx.Client(http2=True, verify=trusting, trust_env=False) as browser:
            page = browser.get(client.base_url)
            assert (page.http_version, page.status_code) == ("HTTP/2", 200)
            posted = browser.post(client.base_url, content=b"x" * 200_000)
            assert posted.status_code == 200
    assert session.end() == 130
    config = CONFIG + '[dev]\nlocal_protocol = "https"\n'
    again = start("--https-key-path", str(file), "--https-cert-path", str(file), config=config)
    with again.ready() as client:
        assert client.get("/").status_code == 200
        command = [sys.executable, "-m", "paddock.worker.cli", "ai", "ps", "--port", str(client.base_url.port)]
        assert (
            "No model has been asked for yet."
            in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        )
    again.end()


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--https-key-path", "x", "--https-cert-path", "y"), 2, "need --local-protocol https"),
        (
            ("--local-protocol", "https", "--https-key-path", "x", "--https-cert-path", "y"),
            3,
            "private key in x: No such",
        ),
    ],
)
def test_a_certificate_that_cannot_be_used_ends_the_start(
    start: Start, flags: tuple[str, ...], code: int, said: str
) -> None:
    session = start(*flags)
    session.expect(said)
    assert session.end(None) == code
