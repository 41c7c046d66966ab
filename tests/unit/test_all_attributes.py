"""`__all__` says what a module offers, and says it completely."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT)
    for folder in ("worker", "bindings")
    for path in (ROOT / folder).rglob("*.py")
    if "templates" not in path.parts  # of `paddock init`: not ours to import
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_all_names_what_the_module_defines(module: Path) -> None:
    tree = ast.parse((ROOT / module).read_text())
    offered, defined, imported = _offered(tree), _defined(tree), _imported(tree)
    assert offered is not None or not defined, f"{module} defines {sorted(defined)} and has no __all__"
    assert defined <= set(offered or ()), "public but not in __all__ (add it, or begin its name with _)"
    assert set(offered or ()) <= defined | imported, "in __all__ but not defined"


def _offered(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_") and name != "logger"}


def _imported(tree: ast.Module) -> set[str]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in nodes for alias in node.names}
