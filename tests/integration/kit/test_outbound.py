"""Requests of the handler to elsewhere."""

import contextlib
import http.server
import threading
from collections.abc import Iterator

import httpx
import pytest

from paddock.worker.testing import HandlerError, NetworkBlocked, Paddock
from paddock.worker.testing.outbound import OutboundRoutes

from .conftest import SOURCE

URL = "https://api.example.com/cats"


def test_the_network_is_closed(worker: Paddock) -> None:
    """DT-086"""
    with pytest.raises(NetworkBlocked, match=r"GET https://api\.example\.com/cats: tests have no network"):
        worker.fetch(f"/get/{URL}").result()


def test_so_it_is_for_websockets(worker: Paddock) -> None:
    """DT-086"""
    with pytest.raises(NetworkBlocked, match=r"WebSocket https://example\.com/socket: tests have no network"):
        worker.fetch("/socket").result()


def test_routes_answer(worker: Paddock, outbound: OutboundRoutes) -> None:
    route = outbound.get("https://api.example.com/*").reply(201, json={"cats": 3})
    answer = worker.fetch(f"/get/{URL}?page=2").result()
    assert (answer.json(), answer.headers["x-status"]) == ({"cats": 3}, "201")
    assert [str(request.url) for request in route.requests] == [f"{URL}?page=2"]
    assert outbound.unused() == []


def test_routes_redirect_fail_and_call(worker: Paddock, outbound: OutboundRoutes) -> None:
    outbound.get(URL, times=1).reply(302, headers={"location": "https://other.example.com/"})
    outbound.get("https://other.example.com/").call(lambda request: httpx.Response(200, text=request.url.host))
    outbound.on("*", URL).fail("no route to host")
    assert worker.fetch(f"/get/{URL}").result().text == "other.example.com"
    with pytest.raises(HandlerError, match="no route to host"):
        worker.fetch(f"/get/{URL}").result()


def test_a_url_without_a_path_is_that_of_the_root(worker: Paddock, outbound: OutboundRoutes) -> None:
    outbound.get("https://api.example.com").reply(text="the root")
    assert worker.fetch("/get/https://api.example.com").result().text == "the root"


def test_a_route_without_an_answer_says_so(worker: Paddock, outbound: OutboundRoutes) -> None:
    route = outbound.get(URL)
    said = f"outbound.on('GET', '{URL}') has no answer: say .reply(...), .call(...) or .fail(...) of it"
    assert outbound.unused() == [said]
    route.reply(text="cats")
    assert worker.fetch(f"/get/{URL}").result().text == "cats"


def test_routes_that_nobody_used_are_named(outbound: OutboundRoutes) -> None:
    route = outbound.post(URL).reply()
    assert outbound.unused() == [f"outbound.on('POST', '{URL}') answered 0 requests"]
    route.answer(httpx.Request("POST", URL))


@contextlib.contextmanager
def other_server() -> Iterator[str]:
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from outside")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.paddock(allow_net=["127.0.0.1"])
def test_hosts_can_be_opened(worker: Paddock) -> None:
    """DT-086"""
    with other_server() as url:
        assert worker.fetch(f"/get/{url}").result().text == "from outside"
    with pytest.raises(NetworkBlocked):
        worker.fetch(f"/get/{URL}").result()


def test_a_function_can_answer_everything() -> None:
    with Paddock(source=SOURCE, outbound=lambda request: httpx.Response(200, text=str(request.url))) as worker:
        assert worker.fetch(f"/get/{URL}").result().text == URL
