"""`_headers` and `_redirects`."""

import asyncio
from collections.abc import Callable

import pytest

from paddock.bindings.assets.headers import parse_headers
from paddock.bindings.assets.redirects import parse_redirects
from paddock.bindings.binding import FetchRequest, FetchResponse

from .conftest import Site

Header = Callable[[FetchResponse, str], str | None]


def moved(response: FetchResponse) -> tuple[int, str | None]:
    return response.status, dict(response.headers).get("location")


def test_headers_are_added_replaced_and_removed(site: Site, header: Header) -> None:
    site.put("a/page.html", "x")
    site.put(
        "_headers",
        "# comment\n/*\n  X-Frame-Options: DENY\n  Link: a\n/a/:name\n  Link: b\n  X-Name: it is :name\n  ! Etag\n"
        "https://:host.test/a/*\n  X-Host: :host :splat\n  Cache-Control: no-store\n",
    )
    response = site.fetch("/a/page")
    names = ("x-frame-options", "link", "x-name", "etag", "x-host", "cache-control")
    assert [header(response, name) for name in names] == ["DENY", "a, b", "it is page", None, "site page", "no-store"]


def test_headers_are_on_redirects_and_errors_too(site: Site, header: Header) -> None:
    site.put("index.html", "x")
    site.put("_headers", "/*\n  X-All: yes\n")
    answers = [site.fetch("/index.html"), site.fetch("/none"), site.fetch("/", "POST")]
    assert [(answer.status, header(answer, "x-all")) for answer in answers] == [
        (307, "yes"),
        (404, "yes"),
        (405, "yes"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/a\n", "line 1: No headers specified"),
        ("X: y\n", "line 1: Path should come before header (X: y)"),
        ("/a\n  nonsense\n  A: b\n", "line 2: Expected a colon-separated header pair (e.g. name: value)"),
        ("/a\n  A B: c\n  A: b\n", "line 2: Header name cannot include spaces"),
        ("/a\n  A:\n  A: b\n", "line 2: No header value specified"),
        ("http://a.test/\n  A: b\n", "line 1: URLs should either be relative or use HTTPS, without a port."),
        ("/*/*\n  A: b\n", "line 1: a path can have one asterisk, and each name once"),
    ],
)
def test_lines_of_headers_that_mean_nothing_are_named(text: str, problem: str) -> None:
    assert parse_headers(text)[1][0] == problem


def test_only_a_hundred_rules_of_headers_count() -> None:
    rules, problems = parse_headers("".join(f"/{number}\n  A: b\n" for number in range(101)))
    assert (len(rules), problems) == (100, ["line 201: Maximum number of rules supported is 100."])


def test_redirects_lead_elsewhere(site: Site) -> None:
    site.put(
        "_redirects",
        "/own https://site.test/new\n/scheme //other.test/x\n/old /new\n/perm /new?a=1#top 301\n"
        "/out https://other.test/x 303 # comment\n/blog/:year/:slug /p/:slug-:year 308\n"
        "/docs/* https://docs.test/:splat\n/slashes/* /:splat\n",
    )
    paths = {
        "/old": (302, "/new"),
        "/old?q=1": (302, "/new?q=1"),
        "/perm?q=1": (301, "/new?a=1#top"),
        "/out?q=1": (303, "https://other.test/x?q=1"),
        "/blog/2026/hi": (308, "/p/hi-2026"),
        "/docs/a/b": (302, "https://docs.test/a/b"),
        "/slashes//evil.test": (302, "/evil.test"),
        "/own": (302, "/new"),
        "/scheme": (302, "https://other.test/x"),
        "/none": (404, None),
    }
    assert {path: moved(site.fetch(path)) for path in paths} == paths


def test_status_200_serves_another_file_under_the_same_address(site: Site) -> None:
    site.put("user.html", "page")
    site.put("_redirects", "/users/:id /user 200\n/broken /none 200\n")
    found, broken = site.fetch("/users/7"), site.fetch("/broken")
    assert (found.status, found.body, broken.status) == (200, b"page", 404)
    assert site.route("/broken") == 404


def test_redirects_go_before_files_and_before_the_worker(site: Site) -> None:
    site.put("a.html", "page")
    site.put("_redirects", "/a /b\n")
    assert moved(site.fetch("/a")) == (302, "/b")
    assert site.route("/a") == 302


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/a", "Expected exactly 2 or 3 whitespace-separated tokens. Got 1."),
        ("https://a.test/x /b", "Only relative URLs are allowed. Skipping absolute URL https://a.test/x."),
        ("/a http://b.test", "URLs should either be relative"),
        ("/a /b 418", "Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got 418."),
        ("/* /index.html 200", "Infinite loop detected in this rule and has been ignored."),
        ("/a https://b.test 200", "Proxy (200) redirects can only point to relative paths. Got https://b.test/"),
        ("/*/* /b", "a path can have one asterisk, and each name once"),
    ],
)
def test_lines_of_redirects_that_mean_nothing_are_named(line: str, problem: str) -> None:
    rules, problems = parse_redirects(line, "auto-trailing-slash")
    assert (rules.static, rules.dynamic, len(problems)) == ({}, [], 1)
    assert problems[0].startswith(f"line 1: {problem}")


def test_whole_paths_go_before_patterns_unless_a_pattern_stands_above_them(site: Site) -> None:
    site.put("_redirects", "/a/b /first\n/a/* /pattern\n/a/c /never\n")
    assert [moved(site.fetch(path))[1] for path in ("/a/b", "/a/c")] == ["/first", "/pattern"]


def test_a_saved_file_is_read_again_and_its_problems_are_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    binding = site.binding()

    def fetch() -> tuple[int, str | None]:
        return moved(asyncio.run(binding.fetch(FetchRequest("GET", "https://site.test/a"))))

    site.put("_redirects", "/a /b\n")
    before = fetch()
    site.put("_redirects", "/a /longer\nbroken\n")
    assert [before, fetch(), fetch()] == [(302, "/b"), (302, "/longer"), (302, "/longer")]
    assert caplog.text.count("line 2") == 1
    assert "line 2: Expected exactly 2 or 3" in caplog.text
