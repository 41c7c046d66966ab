"""Who may import whom. Reads syntax trees, so it sees imports inside functions and for type checkers too."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.registry import BINDINGS, binding_class

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

#: Names that exist only inside an isolate: the official SDK, and what stands under it.
ISOLATE_NAMES = {
    "workers",
    "js",
    "pyodide",
    "_pyodide",
    "pyodide_js",
    "_pyodide_entrypoint_helper",
    "_cloudflare",
    "_cloudflare_compat_flags",
}
ENGINE_PACKAGES = {"vllm", "torch", "transformers"}
#: They read hostile documents: in the converter's process, and nowhere else.
CONVERTER_PACKAGES = {
    "bs4",
    "lxml",
    "soupsieve",
    "markdownify",
    "mammoth",
    "pypdfium2",
    "python_calamine",
    "markdown_it",
}

#: Nothing else in the isolate may know which event loop it runs on, how it switches stacks, how events are packed,
#: what parses URLs, and what debugs.
ISOLATE_EXCEPTIONS = {
    ("paddock.worker.isolate.webloop", "uvloop"),
    ("paddock.worker.isolate.switching", "greenlet"),
    ("paddock.worker.isolate.scheduled", "msgspec"),
    ("paddock.worker.isolate.batches", "msgspec"),
    ("paddock.worker.isolate.events", "msgspec"),
    ("paddock.worker.isolate.neighbour", "msgspec"),
    ("paddock.worker.isolate.rpcwire", "msgspec"),
    ("paddock.worker.isolate.tailed", "msgspec"),
    ("paddock.worker.isolate.traced", "msgspec"),
    ("paddock.worker.isolate.web.url", "ada_url"),
    ("paddock.worker.isolate.debugging", "debugpy"),
}

#: The ciphers of `crypto.subtle` are a package's; only the algorithms know, and only when one of them is used.
CIPHERS, CIPHERS_USER = "cryptography", "paddock.worker.isolate.web.algorithms"

#: (importer, imported): the first knows nothing of the second. The left one is always nearer to the bottom.
FORBIDDEN = [
    ("paddock.worker.server", "paddock.worker.cli"),
    ("paddock.worker.supervisor", "paddock.worker.server"),
    ("paddock.worker.host", "paddock.worker.server"),
    ("paddock.worker.supervisor", "paddock.worker.devserver"),
    ("paddock.worker.host", "paddock.worker.supervisor"),
    ("paddock.bindings.host", "paddock.bindings.registry"),
    ("paddock.bindings.ai.doors", "paddock.bindings.host"),
    ("paddock.bindings.ai.service", "paddock.bindings.ai.doors"),
    ("paddock.bindings.ai.tasks", "paddock.bindings.ai.service"),
    ("paddock.bindings.ai.engines", "paddock.bindings.ai.service"),
    ("paddock.bindings.ai.engines", "paddock.bindings.ai.tasks"),
    ("paddock.bindings.errors", "paddock.bindings.ai"),
]


#: What siblings share: the contract that all of them keep.
SHARED = {"paddock.bindings.ai.tasks.contract"}


def test_bindings_take_only_the_channel_from_the_worker() -> None:
    taken = {
        name for module in _below("paddock.bindings") for name in _imports(module) if _is_in(name, "paddock.worker")
    }
    assert taken <= {"paddock.worker.channel"}


def test_isolate_imports_its_wire_its_own_folder_and_the_standard_library() -> None:
    shared = ("wire", "channel", "peer", "messages", "faultreport", "outputlines", "isolate")
    allowed = [f"paddock.worker.{name}" for name in shared]
    for module in _below("paddock.worker.isolate"):
        for name in _imports(module):
            if (module, name) not in ISOLATE_EXCEPTIONS and not _is_cipher(module, name):
                assert _is_standard(name) or _top(name) in ISOLATE_NAMES or _is_in(name, *allowed), f"{module}: {name}"


def test_web_platform_knows_nothing_of_channels() -> None:
    for module in _below("paddock.worker.isolate.web"):
        for name in _imports(module):
            if (module, name) not in ISOLATE_EXCEPTIONS and not _is_cipher(module, name):
                assert _is_standard(name) or _is_in(name, "paddock.worker.isolate.web"), f"{module}: {name}"


def test_wire_imports_only_msgspec() -> None:
    assert {name for name in _imports("paddock.worker.wire") if not _is_standard(name)} == {"msgspec"}


def test_only_the_engine_host_imports_the_engine() -> None:
    importers = {
        module
        for module in _modules()
        if any(_top(name) in ENGINE_PACKAGES for name in _imports(module)) and not _is_in(module, "paddock.catalog")
    }
    importers -= {module for module in importers if _is_in(module, "paddock.bindings.ai.engines.transformers")}
    assert importers <= {
        f"paddock.bindings.ai.engines.{name}" for name in ("core", "host", "vllm_engine", "vllm_pooling", "vllm_step")
    }


def test_only_the_converter_reads_documents() -> None:
    own = "paddock.bindings.ai.markdown"
    below = (f"{own}.readers", f"{own}.plain")
    for module in _modules():
        if any(_top(name) in CONVERTER_PACKAGES for name in _imports(module)):
            assert _is_in(module, *below), module
        if any(_is_in(name, *below) for name in _imports(module)):
            assert _is_in(module, f"{own}.converter", *below), module


@pytest.mark.parametrize("folder", ["bindings.ai.tasks", "worker.isolate.bindings"])
def test_siblings_do_not_import_each_other(folder: str) -> None:
    for module in _below(f"paddock.{folder}"):
        if module != f"paddock.{folder}":
            others = {name for name in _below(f"paddock.{folder}") if name not in (module, f"paddock.{folder}")}
            own = {name for name in others if _is_in(name, ".".join(module.split(".")[: folder.count(".") + 3]))}
            assert not _imports(module) & (others - own - SHARED), module


def test_a_binding_does_not_import_another_binding() -> None:
    folders = [path.name for path in (ROOT / "bindings").iterdir() if (path / "binding.py").is_file()]
    for folder in folders:
        others = [f"paddock.bindings.{other}" for other in folders if other != folder]
        for module in _below(f"paddock.bindings.{folder}"):
            assert not any(_is_in(name, *others) for name in _imports(module)), module


@pytest.mark.parametrize(("importer", "imported"), FORBIDDEN)
def test_imports_point_downwards(importer: str, imported: str) -> None:
    for module in _below(importer):
        assert not any(_is_in(name, imported) for name in _imports(module)), module


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("paddock.worker.cli", {"starlette", "hypercorn", "uvloop", "jsonschema", "yaml", *ENGINE_PACKAGES}),
        ("paddock.worker.isolate.web.subtle", {CIPHERS}),
        ("paddock.worker.isolate.web.algorithms.aes", {CIPHERS}),
        ("paddock.worker.pytest_plugin", {"starlette", "hypercorn", "httpx", "msgspec", *ENGINE_PACKAGES}),
        ("paddock.worker.testing.session", {"starlette", "hypercorn", *ENGINE_PACKAGES}),
        ("paddock.worker.server", ENGINE_PACKAGES | CONVERTER_PACKAGES | {"zipfile"}),
        ("paddock.worker.server", {CIPHERS, "jsonschema", "httpx", "http.cookiejar", "starlette", "webbrowser"}),
    ],
)
def test_start_up_does_not_load(module: str, heavy: set[str]) -> None:
    """`paddock --help` is fast because nothing that it imports, however far away, is heavy. DT-068"""
    reached = _reached(module)
    assert not {name for name in reached if _top(name) in heavy or name in heavy}


def test_start_of_the_server_loads_nothing_that_the_configuration_may_not_name() -> None:
    """Ready comes as early as it does because these wait for a worker that has them."""
    reached = (
        _reached("paddock.worker.cli.dev") | _reached("paddock.worker.session") | _reached("paddock.worker.server")
    )
    bindings = {place.partition(":")[0] for kind, place in BINDINGS.items() if kind != "queue"}  # the broker needs it
    late = {
        *bindings,
        "paddock.bindings.ai.engines.remote.engine",
        "paddock.worker.certificate",
        "paddock.worker.stubs",
        "paddock.worker.typefiles",
    }
    assert not {name for name in reached if _is_in(name, *late)}


@pytest.mark.parametrize("kind", BINDINGS)
def test_every_row_of_the_registry_leads_to_a_class_of_that_kind(kind: str) -> None:
    assert binding_class(kind).kind == kind


def _reached(start: str) -> set[str]:
    """Everything that importing a module imports, through any number of our own modules."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        waiting += [".".join(module.split(".")[:length]) for length in range(1, module.count(".") + 1)]
        if module in _modules():
            waiting += list(_imports(module, at_start=True))
    return reached


@cache
def _modules() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in ("worker", "bindings"):
        for path in (ROOT / folder).rglob("*.py"):
            if "templates" in path.parts:  # of `paddock init`: not ours to import
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(("paddock", *(part for part in parts if part != "__init__")))] = path
    return found


def _below(package: str) -> list[str]:
    return [module for module in _modules() if _is_in(module, package)]


@cache
def _imports(module: str, at_start: bool = False) -> frozenset[str]:
    """Full names of imported modules; with `at_start` only of those that importing the module imports."""
    tree = ast.parse(_modules()[module].read_text())
    return frozenset(name for node in _nodes(tree, at_start) for name in _named(node))


def _nodes(tree: ast.AST, at_start: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        is_late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_checking(node)
        if not (at_start and is_late):
            yield node
            yield from _nodes(node, at_start)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        assert node.module is not None
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full in _modules() else node.module


def _is_in(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _is_cipher(module: str, name: str) -> bool:
    return _top(name) == CIPHERS and _is_in(module, CIPHERS_USER)


def _is_standard(name: str) -> bool:
    return _top(name) in sys.stdlib_module_names


def _top(name: str) -> str:
    return name.partition(".")[0]
