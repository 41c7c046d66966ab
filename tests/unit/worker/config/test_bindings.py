"""wrangler-like.toml: KV namespaces, static assets, names that are taken, and where state lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.bindings.assets.settings import AssetsSettings, Routing
from paddock.worker.config.loading import KvNamespace

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project


# --- KV ---


def test_namespaces_have_the_id_that_wrangler_dev_gives_them(project: Project) -> None:
    """`preview_id`, else `id`, else the name; `remote` does not matter here."""
    config = project.load(
        'kv_namespaces = [{binding = "A", id = "1", preview_id = "2", remote = true}, {binding = "B", id = "1"}, '
        '{binding = "C"}]\n'
    )
    assert config.kv_namespaces == (KvNamespace("A", "2"), KvNamespace("B", "1"), KvNamespace("C", "C"))
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('kv_namespaces = "KV"', 'The field "kv_namespaces" should be an array but got "KV".'),
        ('kv_namespaces = ["KV"]', '"kv_namespaces" bindings should be objects, but got "KV"'),
        (
            'kv_namespaces = [{id = "1"}]',
            '"kv_namespaces[0]" bindings should have a string "binding" field but got {"id":"1"}.',
        ),
        (
            'kv_namespaces = [{binding = "A", id = 1}]',
            '"kv_namespaces[0]" bindings should have a string "id" field but got {"binding":"A","id":1}.',
        ),
    ],
)
def test_what_is_no_namespace_is_named_as_wrangler_names_it(project: Project, text: str, problem: str) -> None:
    assert project.problems(text + "\n") == [problem]


def test_unknown_key_of_a_namespace_warns(project: Project) -> None:
    (warning,) = project.load('kv_namespaces = [{binding = "A", idd = "1"}]\n').warnings
    assert warning == 'Unexpected fields found in kv_namespaces[0] field: "idd" (did you mean "id"?)'


@pytest.mark.parametrize(
    ("text", "assigned"),
    [
        ('kv_namespaces = [{binding = "X"}, {binding = "X"}]\n', "multiple KV Namespace"),
        ('kv_namespaces = [{binding = "X"}]\nai = {binding = "X"}\n', "AI and KV Namespace"),
        (
            'kv_namespaces = [{binding = "X"}]\nai = {binding = "X"}\n[vars]\nX = "x"\n',
            "Environment Variable, AI, and KV Namespace",
        ),
    ],
)
def test_names_belong_to_one_binding_each(project: Project, text: str, assigned: str) -> None:
    """DT-063"""
    (problem,) = project.problems(text)
    assert problem.startswith(f"X assigned to {assigned} bindings.\nBindings must have unique names")


def test_a_secret_does_not_replace_a_namespace(project: Project, tmp_path: Path) -> None:
    """DT-018"""
    (tmp_path / ".dev.vars").write_text("KV=secret\n")
    config = project.load('kv_namespaces = [{binding = "KV"}]\n')
    assert config.vars == {}
    assert config.warnings == ("KV in .dev.vars has no effect: the name belongs to the KV Namespace binding.",)


# --- assets ---


def test_assets_have_wranglers_defaults(project: Project, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    config = project.load('[assets]\ndirectory = "./public"\n')
    assert config.assets is not None
    assert (config.assets.binding, config.warnings) == (None, ())
    assert config.assets.settings == AssetsSettings(directory=str(tmp_path / "public"))


def test_every_key_of_assets_is_read(project: Project, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    config = project.load(
        '[assets]\ndirectory = "dist"\nbinding = "ASSETS"\nhtml_handling = "none"\nnot_found_handling = "404-page"\n'
        'run_worker_first = ["/api/*", "!/api/docs"]\n'
    )
    assert config.assets is not None
    assert config.assets.binding == "ASSETS"
    assert config.assets.settings == AssetsSettings(
        directory=str(tmp_path / "dist"),
        html_handling="none",
        not_found_handling="404-page",
        routing=Routing(("/api/*",), ("/api/docs",)),
    )


def test_navigation_prefers_assets_from_a_date_on(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    text = '[assets]\ndirectory = "a"\n'
    older = project.load(text, base=project.base.replace("2026-09-15", "2025-03-31")).assets
    newer = project.load(text).assets
    assert older is not None
    assert newer is not None
    assert (older.settings.navigation_prefers_assets, newer.settings.navigation_prefers_assets) == (False, True)


def test_a_folder_that_a_build_has_yet_to_make_is_a_warning(project: Project, tmp_path: Path) -> None:
    config = project.load('[assets]\ndirectory = "dist"\n')
    assert config.warnings == (
        (
            f'The directory specified by the "assets.directory" field in your configuration file does not exist:\n'
            f"{tmp_path / 'dist'}"
        ),
    )


def test_a_folder_that_holds_the_project_itself_warns(project: Project) -> None:
    (warning,) = project.load('[assets]\ndirectory = "."\n').warnings
    assert warning.startswith("The directory of assets contains the project itself: anybody can fetch its code")


def test_running_first_without_a_binding_warns(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (warning,) = project.load('[assets]\ndirectory = "a"\nrun_worker_first = true\n').warnings
    assert warning.startswith("run_worker_first=true set without an assets binding\n")


def test_the_command_lines_folder_goes_before_the_files(project: Project, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for text in ('[assets]\ndirectory = "a"\nbinding = "ASSETS"\n', ""):
        assets = project.load(text, assets=tmp_path / "b").assets
        assert assets is not None
        assert assets.settings.directory == str(tmp_path / "b")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The `assets` property in your configuration is missing the required `directory` property."),
        ('directory = ""', "The assets directory cannot be an empty string."),
        ("directory = 1", 'Expected "assets.directory" to be of type string but got 1.'),
        ('directory = "handler.py"', "doesn't point to a directory:"),
        (
            'directory = "."\nhtml_handling = "x"',
            (
                'Expected "assets.html_handling" field to be one of '
                '["auto-trailing-slash","drop-trailing-slash","force-trailing-slash","none"] but got "x".'
            ),
        ),
        (
            'directory = "."\nrun_worker_first = "x"',
            'Expected "assets.run_worker_first" to be of type boolean or string array but got "x".',
        ),
        (
            'directory = "."\nrun_worker_first = []',
            "No `run_worker_first` rules were provided; must provide at least 1 rule.",
        ),
        (
            'directory = "."\nrun_worker_first = ["!/a"]',
            "Only negative `run_worker_first` rules were provided; must provide at least 1 non-negative rule",
        ),
        (
            'directory = "."\nrun_worker_first = ["a", "!b", "/c", "/c", "/d*", "/dd"]',
            (
                "Invalid routes in `run_worker_first`:\n'a': rules must start with '/' or '!/'\n"
                "'!b': negative rules must start with '!/'\n'/c': rule is a duplicate; rules must be unique\n"
                "'/dd': rule '/d*' makes it redundant"
            ),
        ),
    ],
)
def test_what_is_wrong_with_assets_is_said_in_wranglers_words(project: Project, text: str, problem: str) -> None:
    (found,) = project.problems(f"[assets]\n{text}\n")
    assert problem in found


# --- state ---


def test_state_is_the_projects_unless_it_is_put_elsewhere(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DT-046: what is named is relative to where the command runs"""
    assert project.load().state == tmp_path / ".paddock" / "state"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert project.load(persist_to=elsewhere.relative_to(tmp_path)).state == elsewhere / "elsewhere"
