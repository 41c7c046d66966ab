import pytest

from paddock.worker.config.routes import Route
from paddock.worker.guard import Guard


def check(own_host: str | None = None, *, host: str | None = None, origin: str | None = None) -> str:
    return Guard().refusal(host, origin, own_host=own_host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:87", "127.0.0.1:1", "[::1]:8787", "a.localhost", "10.1.2.3"])
def test_this_machine_and_plain_addresses_may_pass(host: str) -> None:
    """DT-045"""
    assert check(host=host) == ""


@pytest.mark.parametrize("host", ["", "example.com", "localhost.example.com", "127.0.0.1.nip.io", "[::1", "a b"])
def test_a_name_that_could_be_rebound_is_refused(host: str) -> None:
    """DT-045"""
    assert check(host=host) == "Invalid Host header"


@pytest.mark.parametrize("origin", ["https://example.com", "null", "", "http://localhost.example.com"])
def test_a_page_of_another_site_is_refused(origin: str) -> None:
    """DT-045"""
    assert check(host="localhost", origin=origin) == "Invalid Origin header"


def test_a_page_of_this_machine_may_pass() -> None:
    assert check(host="localhost:8787", origin="http://localhost:8787") == ""


def test_an_own_name_is_one_to_be_addressed_by_and_not_to_come_from() -> None:
    assert check("workers-binding.ai", host="workers-binding.ai") == ""
    assert check("workers-binding.ai", host="workers-binding.ai", origin="https://workers-binding.ai") != ""


def test_routes_and_the_upstream_host_are_the_workers_own_and_wildcards_take_subdomains() -> None:
    """DT-045"""
    routes = [
        Route("shop.example.com/api/*"),
        Route("*.example.org/*"),
        Route("*/only-a-path", "zone.example"),
        Route("*"),
    ]
    guard = Guard.of(routes, "up.example:99")
    for host in ("shop.example.com:8787", "a.b.example.org", "example.org", "UP.example", "zone.example"):
        assert guard.refusal(host, f"https://{host}") == ""
    for host in ("a.shop.example.com", "example.com", "badexample.org", "a.up.example", ""):
        assert guard.refusal(host, None) == "Invalid Host header"
        assert guard.refusal("localhost", f"https://{host}") == "Invalid Origin header"
