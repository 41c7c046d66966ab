"""The error tree: complete, told apart by code, and described where people look."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddock.bindings import errors as binding_errors
from paddock.bindings.errors import PaddockError
from paddock.worker import errors as worker_errors
from paddock.worker.errors import ConfigError, HandlerImportError, IsolateCrashed, IsolateStartTimeout

ROOT = Path(__file__).parents[3]


def tree(root: type[PaddockError] = PaddockError) -> list[type[PaddockError]]:
    """The class and everything below it, in this project's two error files."""
    ours = {binding_errors.__name__, worker_errors.__name__}
    return [root, *(cls for child in root.__subclasses__() if child.__module__ in ours for cls in tree(child))]


@pytest.mark.parametrize("error", tree())
def test_error_has_a_code_of_its_own(error: type[PaddockError]) -> None:
    assert "code" in vars(error)
    assert [other for other in tree() if other.code == error.code] == [error]


@pytest.mark.parametrize("error", tree())
def test_error_has_a_status_and_somebody_who_must_act(error: type[PaddockError]) -> None:
    assert 400 <= error.status <= 599
    assert error.actor in ("user", "operator", "us")


@pytest.mark.parametrize("error", tree())
def test_error_is_in_the_table(error: type[PaddockError]) -> None:
    """The table of bindings/README.md has one row for each class: name, code, status, actor."""
    row = f"| `{error.__name__}` | `{error.code}` | {error.status} | {error.actor} |"
    assert row in (ROOT / "bindings" / "README.md").read_text()


@pytest.mark.parametrize("error", tree())
def test_error_is_in_a_drawn_tree(error: type[PaddockError]) -> None:
    drawn = f"{binding_errors.__doc__}{worker_errors.__doc__}"
    assert error.__name__ in drawn


@pytest.mark.parametrize("module", [binding_errors, worker_errors])
def test_every_exception_of_the_files_is_in_the_tree(module: object) -> None:
    classes = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert set(classes) <= set(tree())


def test_config_error_lists_all_problems() -> None:
    error = ConfigError(["one", "two\nlines"], source="wrangler-like.toml")
    assert str(error) == "Processing wrangler-like.toml configuration:\n  - one\n  - two\n    lines"


def test_handler_import_error_names_the_place_and_shows_frames() -> None:
    error = HandlerImportError("invalid syntax", file="handler.py", line=3, column=7, frames="    def f(:\n          ^")
    assert str(error) == "handler.py:3:7: invalid syntax\n    def f(:\n          ^"


def test_handler_import_error_without_a_place_names_the_file() -> None:
    assert str(HandlerImportError("there is no such file", file="handler.py")) == "handler.py: there is no such file"


@pytest.mark.parametrize(
    ("exit_code", "cause"),
    [(1, "exit code 1"), (-9, "signal SIGKILL"), (-40, "signal 40"), (None, "it closed its channel")],
)
def test_isolate_crashed_tells_how_the_process_ended(exit_code: int | None, cause: str) -> None:
    assert cause in str(IsolateCrashed(exit_code))


def test_isolate_crashed_says_whether_it_had_started() -> None:
    assert "ended while it started: signal SIGKILL" in str(IsolateCrashed(-9, has_started=False))


def test_isolate_crashed_shows_the_last_lines() -> None:
    assert str(IsolateCrashed(1, ["first", "second"])).endswith("exit code 1.\n  first\n  second")


def test_isolate_start_timeout_names_the_phase() -> None:
    error = IsolateStartTimeout("import handler.py", 15)
    assert "within 15 s" in str(error)
    assert "import handler.py" in str(error)
