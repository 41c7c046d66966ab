"""Requests to projects that bring no suite of their own which could run here, and what their sources promise.

The official examples' own tests are written against their dev server; these ask for the same. A project without an
entry gets one request, which must not fail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Probe", "probes_of"]

_TEXT = {"content-type": "text/plain;charset=UTF-8"}
_JSON = {"content-type": "application/json"}


class Probe(NamedTuple):
    """One request; the answer must have this status, these headers, and `text` in its body (`exact`: as its body)."""

    path: str = "/"
    status: int | None = 200
    text: str = ""
    answer_headers: Mapping[str, str] = {}
    exact: bool = False
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = {}

    def problem(self, status: int, headers: Mapping[str, str], text: str) -> str:
        """What is wrong with an answer; empty when nothing is."""
        if status >= 500 if self.status is None else status != self.status:
            return f"{status}: {text}"
        for name, value in self.answer_headers.items():
            if headers.get(name) != value:
                return f"{name}: {headers.get(name)} in place of {value}"
        if text != self.text if self.exact else self.text not in text:
            return f"expected {self.text!r}; got {text[:200]!r}"
        return ""


def _post(path: str, value: object, text: str = "", status: int = 200) -> Probe:
    return Probe(path, status, text, method="POST", body=json.dumps(value), headers=_JSON)


_PROBES = {
    "01-hello": [Probe("/", 200, "Hello world!", _TEXT, exact=True)],
    "02-binding": [Probe("/", 200, "baz", _TEXT, exact=True)],
    "03-fastapi": [
        Probe("/", 200, "This is an example of FastAPI with Jinja2", _JSON),
        Probe("/hi/Dominik", 200, '{"message":"Hello, Dominik!"}', _JSON, exact=True),
        Probe("/env", 200, "getting an environment variable: My env var", _JSON),
    ],
    "05-langchain": [Probe("/", 200, '"result"', _JSON)],
    "06-assets": [
        Probe("/", 200, "", {"content-type": "text/html; charset=utf-8"}),
        Probe("/image.svg", 200, "", {"content-type": "image/svg+xml"}),
        Probe("/style.css", 200, "", {"content-type": "text/css; charset=utf-8"}),
        Probe("/script.js", 200, "", {"content-type": "text/javascript; charset=utf-8"}),
        Probe("/favicon.ico", 200, "", {"content-type": "image/vnd.microsoft.icon"}),
        Probe("/painting.jpg", 200, "", {"content-type": "image/jpeg"}),
    ],
    "07-durable-objects": [Probe("/room-1/show", 200, "No messages"), Probe("/room-1/add/hi", 200, "Message sent")],
    "08-cron": [
        Probe("/", 200, "Hello from Cron Worker", _TEXT),
        Probe("/cdn-cgi/local/scheduled?cron=*+*+*+*+*", 200, "ok"),
    ],
    "09-workers-ai": [Probe("/", 200, "", _JSON)],
    "10-workflows": [Probe("/", 200, "/start"), Probe("/start", 200, "workflow with ID:")],
    "11-opengraph": [Probe("/blog/a-post", 200, '<meta property="og:title" content="Blog Post: A Post" />')],
    "12-image-gen": [
        Probe("/", 200),
        Probe("/gradient?width=20&height=20", 200, "", {"content-type": "image/png"}),
        Probe("/badge?text=hi", 200, "", {"content-type": "image/png"}),
    ],
    "py": [Probe("/", 200, "Python RPC server is running")],
    "15-chatroom": [Probe("/", 200, "<html"), Probe("/nowhere", 404, "Not found. Use /room/<name>")],
    "16-sync-http-clients": [Probe("/", 200, '"requests"', _JSON), Probe("/sync", 200, '"saw_expected_text": true')],
    "17-dynamic-py-py": [Probe("/", 200, "Hello from a dynamically-loaded Python Worker!")],
    "18-django": [Probe("/", 200, '{"message": "Hello from Django on Cloudflare Workers!"}', _JSON, exact=True)],
    "19-django-todo-d1": [Probe("/api/health/", 200, '{"status": "ok"}'), Probe("/", 200, "Django TODO + D1")],
    "undefined-handler": [
        Probe("/", 500, 'Python entrypoint "undefined_handler.py" does not export a handler named "on_fetch"')
    ],
    "tarot": [
        Probe("/api/health", 200, '{"status":"ok"}', exact=True),
        Probe("/api/spreads", 200, "celtic_cross"),
        Probe("/api/astrology?birth_date=1990-05-17", 200),
        _post("/api/spread", {"spread": "three", "question": "Where to?"}),
        _post("/api/spread", {"spread": "nine"}, status=400),
        _post("/api/yesno", {"question": 5}, status=422),
    ],
    "hello-world-python-worker": [
        Probe("/", 200), Probe("/nowhere", 404), _post("/tris/move", {}, status=401), Probe("/test-depends-async", None)
    ],
    "BLT-Zero": [Probe("/", 200, "<html"), Probe("/nowhere", 404)],
    "BLT-API": [Probe("/health", 200, "healthy"), Probe("/", 200), Probe("/nowhere", 401, "Missing API key")],
    "pythonbyexample": [
        Probe("/", 200, "Python By Example"), Probe("/about", 200), Probe("/sitemap.xml", 200), Probe("/nowhere", 404)
    ],
    "python-workers-mcp": [
        Probe("/mcp", 200, '"serverInfo"', method="POST",
              body='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26",'
                   '"capabilities":{},"clientInfo":{"name":"peers","version":"1"}}}',
              headers={**_JSON, "accept": "application/json, text/event-stream"}),
    ],
    "hello": [Probe("/", 200, "Hello world!", exact=True)],
    "binding": [Probe("/", 200, "baz", exact=True)],
    "fastapi": [
        Probe("/hello", 200, '{"message":"Hello World"}', exact=True), Probe("/items/7", 200, '{"item_id":7}'),
        _post("/items/", {"name": "rope", "price": 3.5}, '"name":"rope"'), Probe("/items/x", 422),
    ],
}  # fmt: skip


def probes_of(name: str, default: list[Probe] | None) -> list[Probe]:
    """The requests of a case, by the last part of its name that has any."""
    for part in reversed(name.replace("+", "/").split("/")):
        if part in _PROBES:
            return _PROBES[part]
    return [Probe("/", None)] if default is None else default
