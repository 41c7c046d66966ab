"""What can be imported from the shims, and what cannot."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import paddock.worker.isolate

if TYPE_CHECKING:
    from conftest import Worker


def _run(worker: Worker, code: str) -> str:
    """Run lines that assign `result`; its text, or the text of the exception."""
    body = textwrap.indent(f"{code}\nreturn js.Response.new(str(result))", "    ")
    answer = worker.fetch(f"import js\n\nasync def on_fetch(request, env, ctx):\n{body}")
    return answer.text or f"{answer.error}: {answer.message}"


def test_names_of_the_global_scope(worker: Worker) -> None:
    """PW-105."""
    code = "from js import Headers, JSON, Object, Request, Response, URL, Uint8Array, console, fetch\nresult = 'all'"
    assert _run(worker, code) == "all"


@pytest.mark.parametrize("name", ["Nonsense", "eval", "EventSource"])
def test_unknown_names_are_import_errors(worker: Worker, name: str) -> None:
    """PW-105."""
    assert _run(worker, f"from js import {name}\nresult = 0").startswith("ImportError")


def test_attribute_error_tells_what_is_missing(worker: Worker) -> None:
    assert "exists on Cloudflare but is not implemented" in _run(worker, "result = js.EventSource")
    assert "code generation from strings" in _run(worker, "result = js.eval")
    assert "not a name of the JavaScript global scope" in _run(worker, "result = js.nonsense")


def test_to_py_is_no_function_of_the_module(worker: Worker) -> None:
    """PW-113."""
    assert _run(worker, "from pyodide.ffi import to_py\nresult = 0").startswith("ImportError")


def test_json_dumps_writes_null(worker: Worker) -> None:
    """PW-115."""
    code = "import json\nfrom pyodide.ffi import jsnull\nresult = json.dumps({'a': [jsnull]})"
    assert _run(worker, code) == '{"a": [null]}'


def test_pyodide_version_follows_the_era(worker: Worker) -> None:
    assert _run(worker, "import pyodide\nresult = pyodide.__version__") == "314.0.0"


def test_run_sync_needs_a_stack_to_suspend(worker: Worker) -> None:
    code = "from pyodide.ffi import run_sync\nasync def later(): ...\nresult = run_sync(later())"
    assert "Cannot stack switch" in _run(worker, code)


def test_global_this_has_the_names(worker: Worker) -> None:
    assert _run(worker, "result = js.globalThis.Response is js.Response") == "True"


def test_classes_are_the_web_modules_own(worker: Worker) -> None:
    code = "from paddock.worker.isolate.web import response\nresult = js.Response is response.Response"
    assert _run(worker, code) == "True"


def test_classes_need_new(worker: Worker) -> None:
    assert "Please use the 'new' operator" in _run(worker, "result = js.Response('x')")


def test_unknown_flag_is_off(worker: Worker) -> None:
    code = "import _cloudflare_compat_flags as f\nresult = [f.python_request_headers_preserve_commas, f.other]"
    assert _run(worker, code) == "[True, False]"


def test_wait_until_of_the_workers_module(worker: Worker) -> None:
    """PW-035."""
    code = "from workers import wait_until\nasync def work(): print(end='')\nwait_until(work())\nresult = 'accepted'"
    assert _run(worker, code) == "accepted"


def test_sockets_have_a_clear_error(worker: Worker) -> None:
    code = (
        "from workers import import_from_javascript\nresult = import_from_javascript('cloudflare:sockets').connect('a')"
    )
    assert "TCP sockets are not available" in _run(worker, code)


def test_every_name_of_the_module_can_be_used(worker: Worker) -> None:
    """PW-105; those that are imported on demand, too."""
    code = "result = [name for name in dir(js) if not name.startswith('_') and getattr(js, name, js) is js]"
    assert _run(worker, code) == "[]"
    assert _run(worker, "from js import structuredClone, Math, CompressionStream\nresult = Math.max(1, 2)") == "2"


def test_names_on_demand_cost_nothing_before() -> None:
    """Ciphers and parsers are imported by those who use them."""
    shims = Path(paddock.worker.isolate.__file__).parent / "shims"
    program = "import sys; sys.path.insert(0, sys.argv[1]); import js, pyodide.ffi; print(*sys.modules)"
    command = [sys.executable, "-P", "-c", program, str(shims)]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not [
        name for name in imported if name.endswith((".subtle", ".caches", ".rewriter", ".regexp", "cryptography"))
    ]


def test_global_this_equals_the_module_within_events_only(worker: Worker) -> None:
    """PW-104; as the test `hello` of workerd has it."""
    handler = """
        import js
        from js import globalThis
        at_import = js == globalThis

        async def on_fetch(request, env, ctx):
            return js.Response.new(f"{at_import} {js == globalThis} {js != globalThis}")
        """
    assert worker.fetch(handler).text == "False True False"
