"""A worker that runs the code which its tests send it, so that all tests of a file share one process of it.

    SOURCE = SNIPPETS + '''
    class Default(SnippetEntrypoint):
        async def fetch(self, request):
            return Response.json(await self.run(request, kv=self.env.KV))
    '''

With `@pytest.mark.paddock(source=SOURCE, settings=...)`, a test has the worker run code with the fixture `run_code`.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from paddock.worker.testing import Paddock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx

#: The beginning of such a worker: `run` runs the request's code as the body of an `async def` that has these names.
SNIPPETS = """
import textwrap
from urllib.parse import unquote
from workers import Response, WorkerEntrypoint

class SnippetEntrypoint(WorkerEntrypoint):
    async def run(self, request, /, **names):
        code = textwrap.indent(unquote(request.headers["x-code"]), "    ")
        exec(f"async def snippet({', '.join(names)}):\\n{code}", globals(), made := {})
        return await made["snippet"](**names)
"""


def for_worker(*values: object, id: str | None = None, **worker: Any) -> Any:
    """Values of a parametrised test that runs with this worker: what the marker `paddock` takes."""
    return pytest.param(*values, marks=pytest.mark.paddock(**worker), id=id)


def code_header(code: str) -> dict[str, str]:
    """The header of a request that brings code."""
    return {"x-code": quote(textwrap.dedent(code).strip())}


def run_code(worker: Paddock, code: str, path: str = "/", **request: Any) -> httpx.Response:
    """The worker's response to a request that has it run this code; `request` is what `worker.fetch` takes."""
    headers = {**code_header(code), **request.pop("headers", {})}
    return worker.fetch(path, "POST", headers=headers, **request).result()


def get(source: str, settings: Mapping[str, Any] | None = None, **options: Any) -> httpx.Response:
    """The response of a worker of its own to one GET; `options` are those of `Paddock`."""
    with Paddock(source=source, settings=settings, **options) as worker:
        return worker.fetch("/").result()


def get_of_project(folder: Path, source: str, settings: Mapping[str, Any] | None = None) -> httpx.Response:
    """As `get`, for a handler beside other files: it is written into the folder, and a configuration with it."""
    given = {
        "name": "test",
        "main": "handler.py",
        "compatibility_date": "2026-09-15",
        "compatibility_flags": ["python_workers"],
        **(settings or {}),
    }
    main = folder / given["main"]
    main.parent.mkdir(exist_ok=True)
    main.write_text(source)
    (folder / "wrangler.json").write_text(json.dumps(given))
    with Paddock(folder / "wrangler.json") as worker:
        return worker.fetch("/").result()
