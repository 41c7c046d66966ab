"""URL and URLSearchParams."""

from __future__ import annotations

import pytest

from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import jsnull
from paddock.worker.isolate.web.url import URL, URLSearchParams


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("https://EXAMPLE.com", "https://example.com/"),
        ("https://a.test:443/x", "https://a.test/x"),
        ("http://a.test:8080", "http://a.test:8080/"),
        ("  https:\\\\a.test\\b\n", "https://a.test/b"),
        ("https:a.test", "https://a.test/"),
        ("https://a.test/a/./b/../c/%2e%2E/d", "https://a.test/a/d"),
        ("https://a.test/ä?ö='#ü", "https://a.test/%C3%A4?%C3%B6=%27#%C3%BC"),
        ("https://u:p@a.test/", "https://u:p@a.test/"),
        ("http://0x7f.1", "http://127.0.0.1/"),
        ("http://2130706433", "http://127.0.0.1/"),
        ("http://[2001:DB8::0]:80/", "http://[2001:db8::]/"),
        ("http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"),
        ("http://münchen.test/", "http://xn--mnchen-3ya.test/"),
        ("http://faß.test/", "http://xn--fa-hia.test/"),
        ("http://%65xample.test/", "http://example.test/"),
        ("file:///u:p@h:80/x", "file:///u:p@h:80/x"),
        ("file:///etc/../x", "file:///x"),
        ("mailto:a@b.test", "mailto:a@b.test"),
        ("data:text/plain,a b", "data:text/plain,a b"),
        ("custom://Host/p", "custom://Host/p"),
    ],
)
def test_normal_form(text: str, href: str) -> None:
    assert URL.new(text).href == href


@pytest.mark.parametrize(
    "text", ["", "/x", "a.test", "http://", "http://a b/", "http://a:99999/", "http://1.2.3.4.5/", "http://[::1", "x"]
)
def test_no_url(text: str) -> None:
    """PW-083."""
    assert not URL.canParse(text)
    with pytest.raises(JsException, match="TypeError: Invalid URL"):
        URL.new(text)


@pytest.mark.parametrize(
    ("relative", "href"),
    [
        ("x", "https://a.test/b/x"), ("../x?y#z", "https://a.test/x?y#z"), ("/x", "https://a.test/x"),
        ("//o.test", "https://o.test/"), ("?q", "https://a.test/b/c?q"), ("#f", "https://a.test/b/c?s#f"),
        ("", "https://a.test/b/c?s"), ("http://o.test/", "http://o.test/"), ("..", "https://a.test/"),
    ],
)  # fmt: skip
def test_relative_to_a_base(relative: str, href: str) -> None:
    assert URL.new(relative, "https://a.test/b/c?s#h").href == href


def test_what_is_opaque_is_no_base() -> None:
    assert not URL.canParse("x", "mailto:a@b.test")
    assert URL.new("#f", "mailto:a@b.test").href == "mailto:a@b.test#f"


def test_parts() -> None:
    url = URL.new("https://u:p@a.test:8443/p/q?x=1#f")
    assert [url.protocol, url.host, url.hostname, url.port, url.pathname, url.search, url.hash, url.origin] == [
        "https:", "a.test:8443", "a.test", "8443", "/p/q", "?x=1", "#f", "https://a.test:8443",
    ]  # fmt: skip


def test_assigned_parts() -> None:
    url = URL.new("https://a.test/p?x#f")
    url.protocol, url.hostname, url.port, url.pathname, url.hash = "http", "b.test", "8080", "q r?", ""
    url.search = "k=v"
    assert url.href == "http://b.test:8080/q%20r%3F?k=v"
    url.host, url.port = "c d", "80"
    assert url.href == "http://b.test/q%20r%3F?k=v"


def test_search_params_write_through() -> None:
    url = URL.new("https://a.test/?a=1&a=2&b=%20x")
    url.searchParams.set("a", "ü")
    url.searchParams.append("c", 3)
    assert url.href == "https://a.test/?a=%C3%BC&b=+x&c=3"
    url.search = ""
    assert url.searchParams.size == 0


def test_missing_parameter_is_null() -> None:
    """PW-109."""
    missing = URL.new("https://a.test/").searchParams.get("missing")
    assert missing is jsnull
    assert not missing


@pytest.mark.parametrize(
    "source", ["?a=1&b=2", [["a", "1"], ["b", "2"]], {"a": 1, "b": 2}, {"a": "1", "b": "2"}.items()]
)
def test_params_from_every_source(source: object) -> None:
    assert URLSearchParams.new(source).toString() == "a=1&b=2"


def test_params_as_a_list() -> None:
    params = URLSearchParams.new("b=2&a=1&b=3&c")
    params.delete("c")
    params.sort()
    assert [tuple(pair) for pair in params] == [("a", "1"), ("b", "2"), ("b", "3")]
    assert (list(params.getAll("b")), params.has("b", "3"), params.has("x"), len(params)) == (
        ["2", "3"],
        True,
        False,
        3,
    )


def test_port_of_thousands_of_digits_is_no_port() -> None:
    digits = "9" * 5000
    assert not URL.canParse(f"http://a.test:{digits}/")
    url = URL.new("http://a.test:8080/")
    url.port = digits
    assert url.port == "8080"
    url.port = "00081"
    assert url.port == "81"


def test_lone_surrogates_become_replacement_characters() -> None:
    assert URLSearchParams.new("a=\ud800").toString() == "a=%EF%BF%BD"
    assert URL.new("http://a.test/\ud800").pathname == "/%EF%BF%BD"
