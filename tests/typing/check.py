"""Runs mypy on the packages under their import names.

Type checkers cannot follow the mapping from `worker/` and `bindings/` to `paddock.worker` and `paddock.bindings`, so a
folder of links shows them the same files where they expect them. It lies in mypy's cache: at a new place each time,
mypy would read every file anew. Arguments are passed on to mypy.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["main"]

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = _ROOT / ".mypy_cache"
_PACKAGES = ("worker", "bindings")


def main(arguments: list[str]) -> int:
    """Check every package and return mypy's exit code."""
    namespace = _CACHE / "links" / "paddock"
    namespace.mkdir(parents=True, exist_ok=True)
    for package in _PACKAGES:
        link = namespace / package
        link.unlink(missing_ok=True)
        link.symlink_to(_ROOT / package)
    command = [
        *(sys.executable, "-m", "mypy", *arguments),
        *("--config-file", str(_ROOT / "pyproject.toml"), "--cache-dir", str(_CACHE)),
        *(word for package in _PACKAGES for word in ("-p", f"paddock.{package}")),
    ]
    return subprocess.run(command, cwd=namespace.parent).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
