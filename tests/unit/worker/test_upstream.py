"""The address that the worker sees."""

import pytest

from paddock.bindings.binding import FetchRequest
from paddock.worker.config.routes import Route
from paddock.worker.upstream import Upstream

HERE = "http://localhost:8787/a?b=http://localhost:8787"


def test_the_worker_sees_the_other_address_in_url_and_headers() -> None:
    request = FetchRequest(
        "GET", HERE, (("host", "localhost:8787"), ("referer", "http://localhost:8787/x"), ("n", "1"))
    )
    Upstream("www.example.com", "https").enter(request)
    assert request.url == "https://www.example.com/a?b=http://localhost:8787"
    assert request.headers == (("host", "www.example.com"), ("referer", "https://www.example.com/x"), ("n", "1"))


def test_redirects_and_cookies_lead_back() -> None:
    headers = (
        ("location", "https://www.example.com/x"),
        ("set-cookie", "a=1; Domain=www.example.com; Path=/"),
        ("set-cookie", "b=www.example.com; domain=example.com"),
    )
    assert Upstream("www.example.com", "https").leave(HERE, headers) == (
        ("location", "http://localhost:8787/x"),
        ("set-cookie", "a=1; Domain=localhost; Path=/"),
        ("set-cookie", "b=www.example.com; domain=example.com"),
    )


def test_a_protocol_alone_keeps_the_host() -> None:
    request = FetchRequest("GET", HERE)
    Upstream(None, "https").enter(request)
    assert request.url.startswith("https://localhost:8787/a")


def test_a_host_within_the_other_is_replaced_once() -> None:
    request = FetchRequest("GET", "http://a.test/", (("host", "a.test"), ("origin", "http://a.test")))
    Upstream("www.a.test").enter(request)
    assert request.headers == (("host", "www.a.test"), ("origin", "http://www.a.test"))


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("example.com", "example.com"),
        ("https://shop.example.com:1234/x/*", "shop.example.com:1234"),
        ("*.example.com/*", "example.com"),
        ("*example.com/*", "example.com"),
        ("*/api", None),
        ("http://*/api", None),
        ("*", None),
        ("[", None),
    ],
)
def test_the_host_of_a_route(pattern: str, host: str | None) -> None:
    assert Route(pattern).host == host
    assert Route("*/x", "zone.example").host == "zone.example"
