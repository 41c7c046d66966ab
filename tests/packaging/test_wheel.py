"""What users install: every package of the tree, the catalog with its stand-ins, and nothing else."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_listed_packages_are_the_folders_with_modules() -> None:
    """The list in pyproject.toml is by hand: a forgotten folder would be missing from the wheel only."""
    modules = [path for top in ("worker", "bindings") for path in (ROOT / top).rglob("*.py")]
    modules = [path for path in modules if "templates" not in path.parts]  # of `paddock init`: data
    folders = {".".join(("paddock", *path.parent.relative_to(ROOT).parts)) for path in modules}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders | {"paddock.catalog"}


def test_every_package_folder_has_an_init() -> None:
    packages = set(PROJECT["tool"]["setuptools"]["packages"]) - {"paddock.catalog"}
    paths = [ROOT.joinpath(*package.split(".")[1:], "__init__.py") for package in packages]
    assert [path for path in paths if not path.is_file()] == []


def test_engine_extras_exclude_each_other() -> None:
    """Both distributions own the import package `vllm`."""
    assert PROJECT["tool"]["uv"]["conflicts"] == [[{"extra": "cpu"}, {"extra": "gpu"}]]


def test_core_does_not_depend_on_an_engine() -> None:
    assert not [name for name in PROJECT["project"]["dependencies"] if name.startswith(("vllm", "torch"))]


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> frozenset[str]:
    """The names in the wheel."""
    return frozenset(zipfile.ZipFile(wheel_file).namelist())


@pytest.mark.parametrize(
    "name",
    [
        "paddock/worker/cli/__init__.py",
        "paddock/worker/py.typed",
        "paddock/worker/stubs/bindings.pyi",
        "paddock/worker/templates/common/gitignore",
        "paddock/worker/templates/chat-stream/public/index.html",
        "paddock/worker/wrangler-like.schema.json",
        "paddock/bindings/py.typed",
        "paddock/catalog/@cf/microsoft/phi-2.md",
        "paddock/catalog/@cf/meta/llama-2-7b-chat-fp16.md",
        "paddock/catalog/@cf/mistral/mistral-7b-instruct-v0.2-lora.md",
        "paddock/catalog/stand-ins/phi/model.safetensors",
        "paddock/catalog/stand-ins/phi/tokenizer.json",
    ],
)
def test_wheel_contains(wheel: frozenset[str], name: str) -> None:
    assert name in wheel


def test_wheel_has_every_module(wheel: frozenset[str]) -> None:
    modules = {
        f"paddock/{path.relative_to(ROOT).as_posix()}"
        for top in ("worker", "bindings")
        for path in (ROOT / top).rglob("*.py")
    }
    assert modules <= wheel


def test_wheel_has_every_catalog_file(wheel: frozenset[str]) -> None:
    files = [path for path in (ROOT / "catalog").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"paddock/{path.relative_to(ROOT).as_posix()}" for path in files} <= wheel


def test_wheel_claims_no_name_but_its_own(wheel: frozenset[str]) -> None:
    """`worker` and `bindings` at the top would collide with users' own modules."""
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {"paddock"}
