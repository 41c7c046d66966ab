"""Where imports of a handler come from."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from .snippets import get_of_project

WORKER = """
{head}
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response({expression})
"""


def evaluated(folder: Path, head: str, expression: str, **settings: Any) -> str:
    """The text of an expression in a handler of a project. Raises what the handler raises."""
    return get_of_project(folder, WORKER.format(head=head, expression=expression), settings).text


def put(folder: Path, **modules: str) -> None:
    """Write modules into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)


def test_the_main_modules_folder_goes_before_python_modules(tmp_path: Path) -> None:
    put(tmp_path, mine="WHERE = 'beside'")
    put(tmp_path / "python_modules", mine="WHERE = 'vendored'", other="WHERE = 'vendored'")
    assert evaluated(tmp_path, "import mine, other", "mine.WHERE + other.WHERE") == "besidevendored"


def test_python_modules_stands_beside_the_configuration(tmp_path: Path) -> None:
    put(tmp_path / "python_modules", mine="WHERE = 'vendored'")
    assert evaluated(tmp_path, "import mine", "mine.WHERE", main="src/entry.py") == "vendored"


def test_python_modules_is_a_package_wherever_the_main_module_is(tmp_path: Path) -> None:
    put(tmp_path / "python_modules", mine="WHERE = 'vendored'")
    head = "from python_modules import mine\nimport python_modules.mine"
    assert evaluated(tmp_path, head, "mine.WHERE", main="src/entry.py") == "vendored"


@pytest.mark.parametrize("name", ["msgspec", "starlette", "uvloop"])
def test_the_projects_copy_wins_over_the_one_that_paddock_uses(tmp_path: Path, name: str) -> None:
    put(tmp_path / "python_modules", **{name: "WHERE = 'vendored'"})
    assert evaluated(tmp_path, f"import {name}", f"{name}.WHERE") == "vendored"


def test_the_standard_library_goes_before_python_modules(tmp_path: Path) -> None:
    put(tmp_path / "python_modules", colorsys="WHERE = 'vendored'")
    assert evaluated(tmp_path, "import colorsys", "str(hasattr(colorsys, 'WHERE'))") == "False"


def test_the_projects_copy_of_the_sdk_wins(tmp_path: Path) -> None:
    sdk = tmp_path / "python_modules" / "workers"
    sdk.mkdir(parents=True)
    (sdk / "__init__.py").write_text(
        "import js\n\nclass WorkerEntrypoint:\n    def __init__(self, ctx, env):\n        pass\n\n"
        "def Response(text):\n    return js.Response.new(text + ' from a copy')\n\n"
        "def python_from_rpc(value):\n    return value\n\npython_to_rpc = python_from_rpc\n"
    )
    assert evaluated(tmp_path, "", "'answer'") == "answer from a copy"


def test_a_file_of_the_user_may_be_called_as_the_sdk(tmp_path: Path) -> None:
    """Source: workerd's test vendor_dir."""
    put(tmp_path, workers="WHERE = 'mine'")
    source = "import js, workers\n\nasync def on_fetch():\n    return js.Response.new(workers.WHERE)\n"
    assert get_of_project(tmp_path, source, {"compatibility_date": "2025-01-01"}).text == "mine"


@pytest.mark.parametrize(("date", "is_found"), [("2025-08-10", True), ("2025-08-11", False)])
def test_vendor_was_searched_until_a_date(tmp_path: Path, date: str, is_found: bool) -> None:
    put(tmp_path / "vendor", mine="WHERE = 'old'")
    source = "import mine\nfrom js import Response\n\ndef on_fetch(request):\n    return Response.new(mine.WHERE)\n"
    with contextlib.nullcontext() if is_found else pytest.raises(Exception, match="ModuleNotFoundError"):
        assert get_of_project(tmp_path, source, {"compatibility_date": date}).text == "old"


def test_what_is_built_for_productions_interpreter_is_looked_for_in_the_environment(tmp_path: Path) -> None:
    modules = tmp_path / "python_modules"
    for name in ("yaml", "nowhere_native"):
        (modules / name).mkdir(parents=True)
        (modules / name / "__init__.py").write_text("WHERE = 'vendored'")
        info = modules / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "WHEEL").write_text("Wheel-Version: 1.0\nTag: cp313-cp313-pyodide_2025_0_wasm32\n")
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}-1.0.dist-info/WHEEL,,\n")
    assert evaluated(tmp_path, "import yaml", "yaml.safe_dump(1)") == "1\n...\n"
    with pytest.raises(Exception, match="python_modules/nowhere_native is for Cloudflare's interpreter"):
        evaluated(tmp_path, "import nowhere_native", "")


@pytest.mark.parametrize(("date", "is_found"), [("2026-05-25", False), ("2026-05-26", True)])
def test_pth_files_of_python_modules_are_read_from_a_date_on(tmp_path: Path, date: str, is_found: bool) -> None:
    put(tmp_path / "python_modules" / "more", mine="WHERE = 'further'")
    (tmp_path / "python_modules" / "more.pth").write_text("more\n")
    with contextlib.nullcontext() if is_found else pytest.raises(Exception, match="ModuleNotFoundError"):
        assert evaluated(tmp_path, "import mine", "mine.WHERE", compatibility_date=date) == "further"
