"""The official SDK's patches of packages: code that runs around the import of a package of that name.

The SDK registers them through `_cloudflare.import_patch_manager` (shims), as production offers it. They are loaded when
the handler first imports a package of its environment, for most handlers import none; and, as in production, they act
on what is imported before the first event. Source: workerd, topLevelEntropy; SDK, `_workers_sdk_patch_loader`.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.isolate.entropy import GATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from importlib.machinery import ModuleSpec
    from pathlib import Path
    from types import ModuleType

    _Patch = Callable[[ModuleType], AbstractContextManager[None]]

__all__ = ["before_first_request", "exec_patch", "patching"]

#: The SDK's modules that register patches.
_PATCHES: Final = ("_workers_sdk_entropy_import_context", "_workers_sdk_package_patches")
#: Production has no sockets there and hides `ssl` from these; here they connect by themselves, and need it.
_NEED_SSL: Final = frozenset({"aiohttp.connector", "requests.adapters", "urllib3.util.ssl_"})
#: What stands on the path by our own doing.
_OURS: Final = frozenset({"paddock", "workers", "asgi", "js", "pyodide", "_cloudflare", "_cloudflare_compat_flags"})

_around_import: Final[dict[str, list[_Patch]]] = {
    # A secret that the standard library takes; production's has no processes to share it with.
    "multiprocessing.process": [lambda _module: GATE.allowing(1)],
    # httpx imports it where it is installed, as in an engine's environment; production's httpx does without.
    "rich.style": [lambda _module: GATE.allowing(-1)],
}
_before_first_request: Final[dict[str, list[Callable[[ModuleType], None]]]] = {}


def exec_patch(name: str) -> Callable[[_Patch], _Patch]:
    """Run a context manager, called with the module, around the execution of the module of this name."""

    def register(patch: _Patch) -> _Patch:
        if name not in _NEED_SSL:
            _around_import.setdefault(name, []).append(patch)
        return patch

    return register


def before_first_request(name: str) -> Callable[[Callable[[ModuleType], None]], Callable[[ModuleType], None]]:
    """Call a function with the module of this name, if it was imported, when the handler's import is over."""

    def register(function: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        _before_first_request.setdefault(name, []).append(function)
        return function

    return register


@contextmanager
def patching(folder: Path) -> Iterator[None]:
    """Apply patches to what is imported inside; `folder` is the handler's, whose own modules have none."""
    finder = _Finder(folder)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, functions in _before_first_request.items():
            for function in functions if name in sys.modules else ():
                function(sys.modules[name])


class _Finder:
    """Finds every module where the others find it; some are executed in another way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._has_loaded = False
        self._is_asking = False

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if self._is_asking:
            return None
        if not self._has_loaded:
            self._load_before(name)
        if not (patches := _around_import.get(name)):
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, patches)  # type: ignore[assignment]  # it forwards all that it has not
        return spec

    def _load_before(self, name: str) -> None:
        """Load the SDK's patches before the first package of the environment."""
        if name in sys.stdlib_module_names or name in _OURS or "." in name or self._is_own(name):
            return
        self._has_loaded = self._is_asking = True
        try:
            for module in _PATCHES:
                if find_spec(module) is not None:
                    import_module(module)
        finally:
            self._is_asking = False

    def _is_own(self, name: str) -> bool:
        return (self._folder / name).is_dir() or (self._folder / f"{name}.py").is_file()


class _Loader:
    """Executes a module inside its patches."""

    def __init__(self, loader: Any, patches: list[_Patch]) -> None:
        self._loader = loader
        self._patches = patches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        with ExitStack() as stack:
            for patch in self._patches:
                stack.enter_context(patch(module))
            self._loader.exec_module(module)
