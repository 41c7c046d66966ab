"""Whatever a client asks for and a file says: no exception, and nothing from outside of the folder."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paddock.bindings.assets.folder import AssetFolder
from paddock.bindings.assets.headers import parse_headers
from paddock.bindings.assets.html import Found, resolve
from paddock.bindings.assets.paths import decoded, encoded, normalized
from paddock.bindings.assets.redirects import location, parse_redirects

#: Pieces that paths are made of, the dangerous ones among them.
PIECES = st.sampled_from(
    [
        "/",
        "//",
        "..",
        ".",
        "%2e",
        "%2E%2E",
        "%2f",
        "%5c",
        "\\",
        "%00",
        "%",
        "%ff",
        "é",
        "a",
        "index",
        ".html",
        "secret",
        "?",
    ]
)
PATHS = st.lists(PIECES, max_size=12).map(lambda pieces: "/" + "".join(pieces))
LINES = st.lists(
    st.sampled_from(
        ["/", "*", ":a", ":", " ", "\n", "#", "!", "https://", "x.test", ":80", "X-A", "200", "301", "é", "\t"]
    )
).map("".join)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def folder(tmp_path: Path) -> AssetFolder:
    """A site with a secret beside it, and a link to that."""
    root = tmp_path / "public"
    (root / "a").mkdir(parents=True)
    for name in ("index.html", "a/index.html", "a.html"):
        (root / name).write_text("inside")
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    (root / "secret").symlink_to(tmp_path / "secret")
    return AssetFolder(str(root))


@relaxed
@given(PATHS, st.sampled_from(["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"]))
def test_every_path_leads_into_the_folder_or_nowhere(folder: AssetFolder, tmp_path: Path, path: str, html) -> None:
    found = resolve(decoded(normalized(path)), folder.find, html, "404-page")
    if isinstance(found, Found):
        assert os.path.commonpath([found.asset.path, tmp_path / "public"]) == str(tmp_path / "public")


@given(PATHS)
def test_a_path_is_put_in_order_once(path: str) -> None:
    once = normalized(path)
    assert normalized(once) == once
    assert re.fullmatch(r"/[!-~]*", once)
    assert not {"..", "."} & set(once.split("/"))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1))
def test_a_files_path_comes_back_from_its_url(name: str) -> None:
    assert decoded(encoded(f"/{name}")) == f"/{name}"


@given(LINES, PATHS)
def test_rules_of_any_form_are_taken_or_named(text: str, path: str) -> None:
    redirects, _ = parse_redirects(text, "auto-trailing-slash")
    headers, _ = parse_headers(text)
    if found := redirects.match("x.test", normalized(path)):
        assert not location(found.to, "https://x.test/").startswith("//")
    for rule in headers:
        rule.pattern.match("x.test", normalized(path))
