"""Which file answers which path. The expectations are the tables of the developer docs, "HTML handling"."""

import pytest

from .conftest import Site

FILE, FOLDER = "/file", "/folder/"

#: Path -> where the content or the redirect is, for a site with /file.html, /folder/index.html and /data.json.
CASES = {
    "auto-trailing-slash": {
        "/file": "file",
        "/file.html": "-> /file",
        "/file/": "-> /file",
        "/file/index": "-> /file",
        "/file/index.html": "-> /file",
        "/folder": "-> /folder/",
        "/folder.html": "-> /folder/",
        "/folder/": "folder",
        "/folder/index": "-> /folder/",
        "/folder/index.html": "-> /folder/",
        "/": "root",
        "/index.html": "-> /",
        "/index": "-> /",
        "/data.json": "data",
        "/data": None,
    },
    "force-trailing-slash": {
        "/file": "-> /file/",
        "/file.html": "-> /file/",
        "/file/": "file",
        "/file/index": "-> /file/",
        "/file/index.html": "-> /file/",
        "/folder": "-> /folder/",
        "/folder.html": "-> /folder/",
        "/folder/": "folder",
        "/folder/index": "-> /folder/",
        "/folder/index.html": "-> /folder/",
        "/": "root",
        "/index.html": "-> /",
        "/index": "-> /",
        "/data.json": "data",
        "/data.json/": None,
    },
    "drop-trailing-slash": {
        "/file": "file",
        "/file.html": "-> /file",
        "/file/": "-> /file",
        "/file/index": "-> /file",
        "/file/index.html": "-> /file",
        "/folder": "folder",
        "/folder.html": "-> /folder",
        "/folder/": "-> /folder",
        "/folder/index": "-> /folder",
        "/folder/index.html": "-> /folder",
        "/": "root",
        "/index.html": "-> /",
        "/index": "-> /",
        "/data.json": "data",
    },
    "none": {
        "/file": None,
        "/file.html": "file",
        "/folder/": None,
        "/folder/index.html": "folder",
        "/": None,
        "/index.html": "root",
        "/data.json": "data",
    },
}


@pytest.mark.parametrize(
    ("handling", "path"), [(handling, path) for handling, paths in CASES.items() for path in paths]
)
def test_html_handling(site: Site, handling: str, path: str) -> None:
    site.write(file_dot_html="file", folder__index_dot_html="folder", index_dot_html="root", data_dot_json="data")
    response = site.fetch(path, html_handling=handling)
    expected = CASES[handling][path]
    if expected is None:
        assert response.status == 404
    elif expected.startswith("-> "):
        assert (response.status, dict(response.headers)["location"]) == (307, expected.removeprefix("-> "))
    else:
        assert (response.status, response.body) == (200, expected.encode())


@pytest.mark.parametrize(
    ("handling", "answers"),
    [
        ("auto-trailing-slash", {"/x": "file", "/x/": "folder", "/x.html": "-> /x", "/x/index.html": "-> /x/"}),
        ("force-trailing-slash", {"/x": "-> /x/", "/x/": "folder", "/x.html": "file", "/x/index.html": "-> /x/"}),
        ("drop-trailing-slash", {"/x": "file", "/x/": "-> /x", "/x.html": "-> /x", "/x/index.html": "folder"}),
    ],
)
def test_a_page_and_a_folder_of_one_name_can_both_be_reached(
    site: Site, handling: str, answers: dict[str, str]
) -> None:
    site.write(x_dot_html="file", x__index_dot_html="folder")
    found = {}
    for path in answers:
        response = site.fetch(path, html_handling=handling)
        assert response.body is None or isinstance(response.body, bytes)
        found[path] = (response.body or b"").decode() or f"-> {dict(response.headers)['location']}"
    assert found == answers


def test_redirects_keep_the_query_and_encode_the_path(site: Site) -> None:
    site.put("a b/[x].html", "page")
    moved = site.fetch("/a%20b/[x].html?q=1")
    assert (moved.status, dict(moved.headers)["location"]) == (307, "/a%20b/%5Bx%5D?q=1")
    assert site.fetch("/a%20b/%5Bx%5D").body == b"page"
    assert dict(site.fetch("/a%20b/[x]").headers)["location"] == "/a%20b/%5Bx%5D"


def test_a_handlers_fetch_follows_redirects_within_the_assets(site: Site) -> None:
    site.write(index_dot_html="root")
    followed = site.fetch("/index.html", redirect="follow")
    assert (followed.status, followed.body, followed.url) == (200, b"root", "https://site.test/")


def test_single_page_applications_get_their_index_for_everything(site: Site) -> None:
    site.write(index_dot_html="app", real_dot_js="js")
    answers = [site.fetch(path, not_found_handling="single-page-application") for path in ("/any/where", "/real.js")]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"app"), (200, b"js")]


def test_the_nearest_404_page_answers_with_404(site: Site) -> None:
    site.put("404.html", "top")
    site.put("docs/404.html", "docs")
    paths = {"/nothing": b"top", "/docs/a/b": b"docs", "/docs": b"top"}
    for path, body in paths.items():
        answer = site.fetch(path, not_found_handling="404-page")
        assert (answer.status, answer.body) == (404, body), path


def test_without_a_404_page_there_is_no_body(site: Site) -> None:
    answer = site.fetch("/nothing", not_found_handling="404-page")
    assert (answer.status, answer.status_text, answer.body) == (404, "Not Found", None)
