"""Finds in somebody's checkout what can be run: workerd's `.wd-test` files, and projects of wrangler's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cases import Case
from runtimes import Runtime
from wdtest import from_workerd
from wranglerfile import WRANGLER_FILES, from_wrangler

__all__ = ["find_cases"]


def find_cases(checkout: Path, runtime: Runtime, *, own_sdk: bool) -> Iterator[Case]:
    """Every case below a folder, in order. `own_sdk` takes the SDK from the checkout where it has one."""
    for path in sorted(checkout.rglob("*")):
        if {"node_modules", "python_modules", ".venv"} & set(path.parts):
            continue
        name = str(path.relative_to(checkout))
        if path.suffix == ".wd-test":
            yield from from_workerd(name, path, runtime, _sdk(path) if own_sdk else None)
        elif path.name in WRANGLER_FILES and (case := from_wrangler(checkout, path, runtime)) is not None:
            case.worker.sdk = _sdk(path) if own_sdk else None
            yield case


def _sdk(path: Path) -> Path | None:
    return next((folder / "src" for folder in path.parents if (folder / "src" / "workers").is_dir()), None)
