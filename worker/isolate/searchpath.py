"""Where imports of the handler come from.

Built-ins (the shims: no file of a user can shadow `js`), the main module's folder, the standard library, then
`python_modules/` beside the configuration, `vendor/` beside the main module in projects of before 2025-08-11, and last
the environment that Paddock runs in. So a project's own copy of a package wins over Paddock's, `workers` included.

Source: workerd, setup_python_search_path; compatibility flag python_workers_force_new_vendor_path.
"""

from __future__ import annotations

import site
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.sources import load_saved_files

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["prepare_path"]

_SHIMS: Final = Path(__file__).parent / "shims"
_VENDORED: Final = "python_modules"
#: Packages of ours that stay what they are: there can be only one stack switcher in a process.
_SHARED: Final = frozenset({"paddock", "greenlet"})
#: How wheels for production's interpreter are tagged; no other interpreter can load what is compiled in them.
_PYODIDE_TAGS: Final = ("emscripten", "wasm32", "pyodide", "pyemscripten")


def prepare_path(main: Path, root: Path, *, has_vendor: bool, has_pth: bool) -> None:
    """Set the search order for a main module and the folder of its configuration; once, before the import.

    `has_vendor` and `has_pth`: whether the compatibility date still has `vendor/`, and already processes .pth files.
    """
    load_saved_files(main.parent)
    sys.path[:0] = [str(_SHIMS), str(main.parent)]
    modules = root / _VENDORED
    folders = [modules] if modules.is_dir() else []
    if has_vendor and (main.parent / "vendor").is_dir():
        folders.append(main.parent / "vendor")
    first_site = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
    sys.path[first_site:first_site] = [str(folder) for folder in folders]
    if modules.is_dir():
        _make_importable(modules)
        _give_way(modules)
        if foreign := _foreign(modules):
            sys.meta_path.insert(0, _Elsewhere(foreign, str(modules)))
        if has_pth:
            _process_pth(modules, first_site + 1)


def _make_importable(modules: Path) -> None:
    """`import python_modules.x` works wherever the main module is."""
    package = ModuleType(_VENDORED)
    package.__path__ = [str(modules)]
    sys.modules[_VENDORED] = package


def _give_way(modules: Path) -> None:
    """Forget what Paddock has imported already and the project brings itself; Paddock keeps its own copy."""
    brought = {entry.name.partition(".")[0] for entry in modules.iterdir()} - _SHARED - sys.stdlib_module_names
    for name in [name for name in sys.modules if name.partition(".")[0] in brought]:
        del sys.modules[name]


def _process_pth(modules: Path, place: int) -> None:
    """Read the .pth files as the interpreter reads those of an environment; what they name comes behind the folder."""
    before = list(sys.path)
    for file in sorted(modules.glob("*.pth")):
        site.addpackage(str(modules), file.name, set())
    added = [entry for entry in sys.path if entry not in before]
    sys.path[:] = [*before[:place], *added, *before[place:]]


def _foreign(modules: Path) -> frozenset[str]:
    """Top-level names in python_modules that were built for production's interpreter."""
    names: set[str] = set()
    for info in modules.glob("*.dist-info"):
        try:
            tags = (info / "WHEEL").read_text()
            if any(tag in tags for tag in _PYODIDE_TAGS):
                files = [line.partition(",")[0] for line in (info / "RECORD").read_text().splitlines()]
                names |= {file.partition("/")[0].partition(".")[0] for file in files if ".dist-info/" not in file}
        except OSError:
            continue  # not what an installer leaves
    return frozenset(name for name in names if name and not _has_native(modules / name))


def _has_native(package: Path) -> bool:
    """Whether somebody put files there that this interpreter can load."""
    return any(next(package.rglob(f"*{suffix}"), None) for suffix in EXTENSION_SUFFIXES if suffix != ".so")


class _Elsewhere:
    """Finds in the environment what python_modules has for another interpreter only."""

    def __init__(self, names: frozenset[str], modules: str) -> None:
        self._names = names
        self._modules = modules

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        if path is not None or name not in self._names:
            return None
        spec = PathFinder.find_spec(name, [entry for entry in sys.path if entry != self._modules])
        if spec is None:
            error = ModuleNotFoundError(f"No module named {name!r}", name=name)
            error.add_note(f"python_modules/{name} is for Cloudflare's interpreter. Install it for this one, too.")
            raise error
        return spec
