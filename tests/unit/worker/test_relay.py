import pytest

from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import IncompleteRequest, InputError
from paddock.worker.relay import PREFIX, Relay, unwrap

RUN = "https://workers-binding.ai/run?version=3"
PROXY = "http://localhost:8787/client/v4/accounts/abc/ai/run/proxy"


async def never(scope, receive, send) -> None:
    raise AssertionError("not called here")


def is_taken(path: str, **headers: str) -> bool:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Relay(never).takes({"type": "http", "path": path, "headers": raw})


@pytest.mark.parametrize("host", ["workers-binding.ai", "Workers-Binding.AI:8787"])
def test_the_bindings_host_name_takes_every_path(host: str) -> None:
    """WA-093"""
    assert is_taken("/run", host=host)
    assert is_taken("/ai-api/models/search", host=host)


def test_a_workers_own_routes_stay_its_own() -> None:
    assert not is_taken("/", host="localhost:8787")
    assert not is_taken("/run", host="localhost:8787")
    assert not is_taken("/", host="localhost:8787", mf_url=RUN)
    assert not is_taken(PREFIX + "s", host="localhost:8787")


def test_miniflares_form_is_taken_at_the_root_and_at_the_prefix() -> None:
    """WA-111"""
    assert is_taken("/", host="localhost:8787", mf_url=RUN, mf_binding="AI")
    assert is_taken(PREFIX, host="localhost:8787", mf_url=RUN, mf_binding="AI")


def test_a_request_to_the_bindings_host_is_the_request() -> None:
    """WA-093"""
    request = FetchRequest("POST", "http://workers-binding.ai/run?version=3", (("cf-consn-model-id", "m"),), b"{}")
    assert unwrap(request) is request


def test_the_prefix_comes_off() -> None:
    """WA-093"""
    inner = unwrap(FetchRequest("POST", f"http://localhost:8787{PREFIX}/run?version=3", (("a", "b"),), b"{}"))
    assert (inner.method, inner.url, inner.headers, inner.body) == ("POST", RUN, (("a", "b"),), b"{}")


def test_miniflares_headers_get_their_names_back_and_its_own_stay_outside() -> None:
    """WA-111"""
    headers = (
        ("host", "localhost"),
        ("MF-URL", RUN),
        ("MF-Binding", "AI"),
        ("MF-Header-cf-consn-model-id", "m"),
        ("upgrade", "websocket"),
    )
    inner = unwrap(FetchRequest("PATCH", "http://localhost/", headers, b"x"))
    assert (inner.method, inner.url, inner.body) == ("PATCH", RUN, b"x")
    assert inner.headers == (("cf-consn-model-id", "m"), ("upgrade", "websocket"))


def test_the_old_relay_names_the_url_in_x_forwarded() -> None:
    """WA-110"""
    headers = (("Host", "localhost"), ("X-Forwarded", RUN), ("cf-consn-model-id", "m"))
    inner = unwrap(FetchRequest("POST", PROXY, headers, b"x"))
    assert (inner.url, inner.headers) == (RUN, (("cf-consn-model-id", "m"),))


def test_calls_are_counted_for_the_request_that_carried_them() -> None:
    request = FetchRequest("POST", f"http://localhost{PREFIX}/run")
    assert unwrap(request).calls is request.calls


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://workers-binding.ai@example.com/run",
        "https://workers-binding.ai.example.com/run",
        "https://workers-binding.ai:22/run",
        "https://workers-binding.ai:none/run",
        "file://workers-binding.ai/etc/passwd",
        "//workers-binding.ai/run",
        "http://[::1/run",
        "run",
    ],
)
def test_any_other_target_is_refused_and_named(url: str) -> None:
    headers = (("MF-URL", url), ("MF-Binding", "KV"))
    with pytest.raises(InputError, match=r"binding KV: expected a request to https://workers-binding\.ai; got"):
        unwrap(FetchRequest("GET", "http://localhost/", headers))


@pytest.mark.parametrize(
    ("url", "headers", "missing"),
    [
        (PROXY, (), "x-forwarded"),
        (f"http://localhost{PREFIX}", (), "mf-binding"),
        (f"http://localhost{PREFIX}/", (("MF-Binding", "AI"),), "mf-url"),
    ],
)
def test_a_missing_header_is_named(url: str, headers: tuple[tuple[str, str], ...], missing: str) -> None:
    with pytest.raises(IncompleteRequest, match=missing):
        unwrap(FetchRequest("POST", url, headers))
