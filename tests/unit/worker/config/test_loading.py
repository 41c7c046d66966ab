"""wrangler-like.toml: search, syntax, single keys, and every message at once."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from paddock.worker.config.loading import PaddockSettings, load_config
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Project


def problems(load: Callable[[], object]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load()
    return list(caught.value.problems)


def test_defaults_are_wranglers(project: Project) -> None:
    """DT-005."""
    config = project.load()
    assert (config.name, config.env, config.ai, config.vars) == ("demo", None, None, {})
    assert (config.dev.ip, config.dev.port) == ("localhost", 8787)
    assert config.paddock == PaddockSettings()
    assert config.warnings == ()


def test_file_is_found_from_a_subfolder(project: Project, tmp_path: Path) -> None:
    project.load()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    config = load_config(start=deep, today=project.today)
    assert config.path == tmp_path / "wrangler-like.toml"
    assert config.main == tmp_path / "handler.py"


def test_named_file_goes_before_the_search(project: Project, tmp_path: Path) -> None:
    project.load()
    other = tmp_path / "other.toml"
    other.write_text(project.base.replace("demo", "other"))
    assert load_config(other, start=tmp_path, today=project.today).name == "other"


def test_missing_file_shows_a_minimal_one(tmp_path: Path) -> None:
    (problem,) = problems(lambda: load_config(start=tmp_path))
    assert problem.startswith("No configuration (wrangler-like.toml, wrangler.json, wrangler.jsonc, wrangler.toml) in ")
    assert 'main = "handler.py"' in problem


def test_named_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (problem,) = problems(lambda: load_config(tmp_path / "x.toml"))
    assert str(tmp_path / "x.toml") in problem


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="but there is a folder"):
        load_config(tmp_path)


def test_a_file_in_the_place_of_local_state_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"folder for local state at .*/handler\.py/below, but .*/handler\.py is a file"
    ):
        project.load(persist_to=tmp_path / "handler.py" / "below")


JSONC = """{
  "$schema": "node_modules/wrangler/config-schema.json",
  // a comment
  "name": "of-json", "main": "handler.py", "compatibility_date": "2026-09-15",
  "compatibility_flags": ["python_workers"], /* and one more */
  "vars": {"A": "x", "B": [1, 2,]},
}
"""


@pytest.mark.parametrize("name", ["wrangler.toml", "wrangler.jsonc", "wrangler.json"])
def test_wranglers_own_file_is_read_where_there_is_none_of_ours(project: Project, tmp_path: Path, name: str) -> None:
    """DT-057."""
    (tmp_path / name).write_text(project.base.replace("demo", "of-toml") if name.endswith("toml") else JSONC)
    config = load_config(start=tmp_path, today=project.today)
    assert (config.path, config.name) == (tmp_path / name, "of-" + name[9:13])
    assert config.warnings == ()
    assert project.load().name == "demo"


def test_json_has_lists_and_tables(project: Project, tmp_path: Path) -> None:
    (tmp_path / "wrangler.jsonc").write_text(JSONC)
    assert load_config(start=tmp_path, today=project.today).vars == {"A": "x", "B": [1, 2]}


@pytest.mark.parametrize(
    ("text", "place"),
    [('{\n  "name": "x"\n  "main": 1\n}', "3:3: "), ('{"a": 1', "1:8: "), ('{"a": 1, "a": 2}', "")],
)
def test_json_syntax_error_shows_file_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    """DT-064."""
    (tmp_path / "wrangler.json").write_text(text)
    (problem,) = problems(lambda: load_config(start=tmp_path))
    assert problem.startswith(f"{tmp_path / 'wrangler.json'}:{place}")


@pytest.mark.parametrize(("text", "named"), [("[1]", "expected a JSON object"), ("[" * 5000, "nested too deeply")])
def test_json_that_is_no_configuration_is_refused(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "wrangler.json").write_text(text)
    (problem,) = problems(lambda: load_config(start=tmp_path))
    assert named in problem


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [("name = \n", "2:8: ", "name = "), ("[ai\n", "2:4: ", "[ai"), ('x = "', "2:6: ", 'x = "')],
)
def test_syntax_error_shows_file_line_and_column(
    project: Project, tmp_path: Path, text: str, place: str, line: str
) -> None:
    """DT-064."""
    (problem,) = project.problems(base="# first line\n" + text)
    head, shown, caret = problem.split("\n")
    assert head.startswith(f"{tmp_path / 'wrangler-like.toml'}:{place}")
    assert shown == line
    assert caret.index("^") + 1 == int(place.split(":")[1])


def test_toml_that_is_nested_too_deeply_is_refused(project: Project) -> None:
    (problem,) = project.problems(base="x = " + "[" * 5000 + "]" * 5000)
    assert problem.endswith("nested too deeply to be a configuration.")


@pytest.mark.parametrize(
    "text",
    [
        '[paddock.engine]\nkeep_alive = "5m\\n"\n',
        '[paddock.engine]\nkind = "remote"\nurl = "http://x\\n"\n',
        f'[paddock.engine]\nkeep_alive = "{"1" * 60}x"\n',
    ],
)
def test_texts_are_matched_to_their_end_and_in_no_time(project: Project, text: str) -> None:
    """A number of units without an end took for ever once."""
    assert "paddock.engine" in "".join(project.problems(text))


def test_names_end_where_they_end(project: Project) -> None:
    assert '"demo\\n"' in "".join(project.problems(base='name = "demo\\n"\nmain = "handler.py"\n'))


def test_lines_of_thousands_of_findings_are_found_once(project: Project) -> None:
    many = "".join(f"unknown_{number} = [\n  1,\n]\n" for number in range(2000))
    warnings = project.load(many).warnings
    assert [getattr(warning, "line", None) for warning in warnings] == [6 + 3 * number for number in range(2000)]


def test_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrangler-like.toml").write_bytes(b'name = "\xff"')
    (problem,) = problems(lambda: load_config(start=tmp_path))
    assert "to be UTF-8, but byte 8 is 0xff" in problem


# --- keys ---


def test_all_errors_come_together(project: Project) -> None:
    """DT-064, DT-062."""
    found = project.problems('ai = "AI"\nvars = 1\n[dev]\nport = "8787"\n')
    assert found == [
        'The field "ai" should be an object but got "AI".',
        'The field "vars" should be an object but got 1.',
        'Expected "dev.port" to be of type number (at least 0, at most 65535) but got "8787".',
    ]


def test_errors_carry_the_warnings_too(project: Project) -> None:
    with pytest.raises(ConfigError) as caught:
        project.load('vas = 1\nai = "AI"\n')
    assert caught.value.warnings == ('Unexpected fields found in top-level field: "vas" (did you mean "vars"?)',)


def test_unknown_top_level_key_warns_with_a_suggestion(project: Project) -> None:
    """DT-058."""
    assert project.load("compatibility_dates = 1").warnings == (
        'Unexpected fields found in top-level field: "compatibility_dates" (did you mean "compatibility_date"?)',
    )


def test_unknown_key_of_dev_warns(project: Project) -> None:
    config = project.load("[dev]\nprt = 1")
    assert config.warnings == ('Unexpected fields found in dev field: "prt" (did you mean "port"?)',)


def test_services_that_paddock_lacks_warn_once_each(project: Project) -> None:
    """DT-067."""
    config = project.load('vectorize = [{binding = "A"}, {binding = "B"}]\n[hyperdrive]\n')
    assert config.warnings == ("ignored by Paddock: vectorize", "ignored by Paddock: hyperdrive")


def test_deploy_settings_are_accepted_silently(project: Project) -> None:
    text = 'account_id = "x"\nworkers_dev = true\nminify = true\nroutes = []\n[observability]\nenabled = true\n'
    assert project.load(text).warnings == ()


@pytest.mark.parametrize("name", ["Demo", "a b", "", 7])
def test_name_has_wranglers_form(project: Project, name: object) -> None:
    shown = msgspec.json.encode(name).decode()
    assert project.problems(base=f"name = {shown}\nmain = 'handler.py'\n") == [
        f'Expected "name" to be of type string, alphanumeric and lowercase with dashes only but got {shown}.'
    ]


def test_missing_main_shows_the_line_to_add(project: Project) -> None:
    (problem,) = project.problems(base='name = "demo"\n')
    assert problem.endswith('Add the line: main = "handler.py"')


def test_main_has_to_be_python(project: Project) -> None:
    (problem,) = project.problems(base='main = "src/index.ts"\n')
    assert problem == 'Expected "main" to be a Python file (*.py) but got "src/index.ts".'


def test_missing_handler_is_a_warning_because_saving_it_helps(project: Project) -> None:
    config = project.load(base=project.base.replace("handler.py", "later.py"))
    assert config.warnings == ('The entry-point file at "later.py" was not found.',)


def test_python_flag_is_asked_for(project: Project) -> None:
    """DT-066."""
    (warning,) = project.load(base=project.base.replace('["python_workers"]', '["python_workflows"]')).warnings
    assert warning.startswith("The `python_workers` compatibility flag is required to use Python.")
    assert warning.endswith('compatibility_flags = ["python_workers","python_workflows"]')


def test_flags_are_on_by_date_and_by_name(project: Project) -> None:
    flags = project.load().compatibility_flags
    assert {"python_workers", "python_workers_20260610"} <= flags


def test_missing_date_warns_and_means_today(project: Project) -> None:
    config = project.load(base=project.base.replace('compatibility_date = "2026-09-15"', ""))
    assert config.compatibility_date == project.today
    assert "compatibility_date" in config.warnings[0]


def test_future_date_warns(project: Project) -> None:
    config = project.load(base=project.base.replace("2026-09-15", "2027-01-01"))
    assert config.compatibility_date == datetime.date(2027, 1, 1)
    assert "in the future" in config.warnings[0]


def test_date_that_is_none_is_an_error(project: Project) -> None:
    assert project.problems(base=project.base.replace("2026-09-15", "tomorrow")) == [
        'Expected "compatibility_date" to be of type date (yyyy-mm-dd) but got "tomorrow".'
    ]


def test_demo_configuration_has_nothing_to_complain_about() -> None:
    config = load_config(Path(__file__).parents[4] / "wrangler-like.toml")
    assert (config.name, config.main.name, config.ai, config.warnings) == ("paddock-demo", "handler.py", "AI", ())


def test_api_token_is_a_secret(project: Project) -> None:
    """WA-117"""
    config = project.load('[paddock]\napi_token = "let-me-in"\n')
    assert config.paddock.api_token == "let-me-in"
    assert config.secrets == ("let-me-in",)


def test_api_token_of_the_environment_goes_before_the_files(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_API_TOKEN", "from-outside")
    assert project.load('[paddock]\napi_token = "let-me-in"\n').paddock.api_token == "from-outside"


def test_the_key_of_servers_is_a_secret_and_the_environments_goes_first(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[paddock.engine]\nkind = "remote"\nurl = "http://x"\nremote_key = "inside"\n'
    assert project.load(text).secrets == ("inside",)
    monkeypatch.setenv("PADDOCK_REMOTE_KEY", "from-outside")
    config = project.load(text)
    assert (config.paddock.engine.remote_key, config.secrets) == ("from-outside", ("from-outside",))


def test_servers_of_the_environment_go_before_the_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_REMOTE_URL", "http://a:1, http://b:2/v1")
    assert project.load("").paddock.servers("@cf/any/thing") == ("http://a:1", "http://b:2")
    monkeypatch.setenv("PADDOCK_REMOTE_URL", "a:1")
    (problem,) = project.problems("")
    assert "PADDOCK_REMOTE_URL" in problem


def test_empty_api_token_is_an_error(project: Project) -> None:
    """An empty one would lock nobody out, which is not what somebody who wrote it meant."""
    (problem,) = project.problems('[paddock]\napi_token = ""\n')
    assert "paddock.api_token" in problem


def test_a_date_that_is_none_is_not_called_missing_as_well(project: Project) -> None:
    with pytest.raises(ConfigError) as caught:
        project.load(compatibility_date="yesterday")
    assert "date (yyyy-mm-dd)" in str(caught.value)
    assert not any("No compatibility_date" in warning for warning in caught.value.warnings)
