"""The debugger of an isolate: debugpy, in this process. It is imported only where somebody asked for it."""

from __future__ import annotations

import os
from importlib import import_module

__all__ = ["listen", "stop_at_first_line", "wait"]


def listen() -> int:
    """Listen for a debugger, on any port of this machine. Returns the port.

    Before the handler is there: it starts threads, and later nobody may.
    """
    # Of what is frozen into the interpreter, nothing is the user's.
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    import debugpy

    _, port = debugpy.listen(("127.0.0.1", 0), in_process_debug_adapter=True)
    return int(port)


def wait() -> None:
    """Return when a debugger has connected and has set its breakpoints. Everything else waits as well."""
    import debugpy

    debugpy.wait_for_client()


def stop_at_first_line() -> None:
    """Stop in front of the next line of the user's that this thread, the main one, comes to."""
    # Which debugpy brings along, and has no word of its own for.
    import_module("_pydevd_bundle.pydevd_api").PyDevdAPI().stop_on_entry()
