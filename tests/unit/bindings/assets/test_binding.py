"""Headers, methods, what a path may not reach, and which requests assets answer before the worker."""

import asyncio
from collections.abc import Callable

import pytest

from paddock.bindings.assets.folder import MAX_ASSET_BYTES, FileBody
from paddock.bindings.assets.settings import Routing
from paddock.bindings.binding import FetchResponse

from .conftest import Site

Header = Callable[[FetchResponse, str], str | None]


def test_default_headers_are_productions(site: Site) -> None:
    site.put("page.html", "é")
    headers = dict(site.fetch("/page").headers)
    tag = headers.pop("etag")
    assert (tag[0], tag[-1], len(tag)) == ('"', '"', 34)
    assert headers == {
        "cache-control": "public, max-age=0, must-revalidate",
        "cf-cache-status": "HIT",
        "content-length": "2",
        "content-type": "text/html; charset=utf-8",
    }


@pytest.mark.parametrize("name", ["authorization", "range"])
def test_what_is_private_or_partial_is_not_cached(site: Site, header: Header, name: str) -> None:
    site.put("a.txt", "text")
    response = site.fetch("/a.txt", headers={name: "x"})
    assert (response.status, response.body, header(response, "cache-control")) == (200, b"text", None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.woff2", "font/woff2"),
        ("a.unknown", None),
        ("LICENSE", None),
        (".well-known/x", None),
    ],
)
def test_content_types_come_from_the_name(site: Site, header: Header, name: str, kind: str | None) -> None:
    site.put(name, "x")
    assert header(site.fetch(f"/{name}"), "content-type") == kind


def test_a_known_tag_is_answered_with_304_until_the_file_changes(site: Site, header: Header) -> None:
    site.put("a.txt", "one")
    tag = header(site.fetch("/a.txt"), "etag")
    assert tag is not None
    known = [site.fetch("/a.txt", headers={"if-none-match": sent}) for sent in (tag, f"W/{tag}", '"other"')]
    assert [(answer.status, answer.body) for answer in known] == [(304, None), (304, None), (200, b"one")]
    site.put("a.txt", "three")
    changed = site.fetch("/a.txt", headers={"if-none-match": tag})
    assert (changed.status, changed.body) == (200, b"three")


def test_a_large_file_streams(site: Site) -> None:
    data = bytes(range(256)) * 4096
    site.put("large.bin", data)

    async def read(body: FileBody) -> bytes:
        pieces = []
        while (piece := await body.pull()) is not None:
            pieces.append(piece)
        await body.cancel(None)
        return b"".join(pieces)

    body = site.fetch("/large.bin").body
    assert isinstance(body, FileBody)
    assert asyncio.run(read(body)) == data


def test_head_has_the_headers_alone_and_other_methods_are_refused(site: Site, header: Header) -> None:
    site.put("a.txt", "text")
    head = site.fetch("/a.txt", "HEAD")
    assert (head.status, head.body, header(head, "content-length")) == (200, None, "4")
    assert site.fetch("/a.txt", "POST").status == 405
    assert site.fetch("/none", "POST").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/a/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "//../secret.txt",
        "/a/%00",
        "/link.txt",
        "/linked/secret.txt",
        "/_headers",
        "/_redirects",
        "/.assetsignore",
    ],
)
def test_nothing_outside_of_the_folder_can_be_named(site: Site, path: str) -> None:
    site.put("a/b.txt", "inside")
    site.put("_headers", "# none\n")
    site.put("_redirects", "# none\n")
    site.put(".assetsignore", "# none\n")
    (site.root.parent / "secret.txt").write_text("secret")
    (site.root / "link.txt").symlink_to(site.root.parent / "secret.txt")
    (site.root / "linked").symlink_to(site.root.parent)
    assert site.fetch(path).status == 404


def test_links_within_the_folder_are_followed(site: Site) -> None:
    site.put("real.txt", "real")
    (site.root / "link.txt").symlink_to("real.txt")
    assert site.fetch("/link.txt").body == b"real"


def test_a_folder_that_does_not_exist_yet_has_no_files(site: Site) -> None:
    assert site.fetch("/").status == 404


def test_a_file_that_cloudflare_would_refuse_is_not_served(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.root.mkdir()
    with (site.root / "large.bin").open("wb") as file:
        file.truncate(MAX_ASSET_BYTES + 1)
    assert site.fetch("/large.bin").status == 404
    assert "asset_too_large path=/large.bin" in caplog.text


def test_assetsignore_is_a_gitignore(site: Site) -> None:
    site.put(".assetsignore", "# comment\n*.map\n!keep.map\n/top.txt\nbuild/\ndocs/**/draft?.md\n\\!odd\n[ab].tmp\n")
    kept = ["a/top.txt", "keep.map", "b/build.txt", "c.tmp", "docs/draft.md"]
    hidden = ["x.map", "a/x.map", "top.txt", "build/x.txt", "a/build/keep.map", "docs/a/b/draft1.md", "!odd", "a.tmp"]
    for name in (*kept, *hidden):
        site.put(name, "x")
    assert [name for name in kept if site.fetch(f"/{name}").status != 200] == []
    assert [name for name in hidden if site.fetch(f"/{name}").status != 404] == []


# --- which requests assets answer ---


def test_files_go_before_the_worker_and_everything_else_is_the_workers(site: Site) -> None:
    site.put("index.html", "root")
    answers = {path: site.route(path) for path in ("/", "/index.html", "/api")}
    assert answers == {"/": 200, "/index.html": 307, "/api": None}
    assert site.route("/", "POST") == 405


def test_run_worker_first_leaves_everything_to_the_worker(site: Site) -> None:
    site.put("index.html", "root")
    assert site.route("/", run_worker_first=True) is None


def test_navigations_get_the_page_and_other_requests_the_worker(site: Site) -> None:
    """developer docs, compatibility flag assets_navigation_prefers_asset_serving"""
    site.put("index.html", "app")
    spa = {"not_found_handling": "single-page-application"}
    navigation = {"sec-fetch-mode": "navigate"}
    assert site.route("/page", **spa) is None
    assert site.route("/page", headers=navigation, **spa) == 200
    assert site.route("/page", headers=navigation, navigation_prefers_assets=False, **spa) is None


def test_rules_send_paths_to_the_worker_and_exceptions_to_the_assets(site: Site) -> None:
    site.put("index.html", "app")
    site.put("api/docs/index.html", "docs")
    rules = {"routing": Routing.of(("/api/*", "!/api/docs/*")), "not_found_handling": "single-page-application"}
    paths = ("/api/x", "/api/docs/", "/api/docs/none", "/page", "/")
    assert [site.route(path, **rules) for path in paths] == [None, 200, 200, 200, 200]
