"""`pyodide.webloop`: the classes of the event loop, which test suites reach into."""

from __future__ import annotations

from paddock.worker.isolate.webloop import WebLoop, WebLoopPolicy

__all__ = ["WebLoop", "WebLoopPolicy"]
