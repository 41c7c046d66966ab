"""The runtime generation that the handler's compatibility date selects.

Source: workerd, compatibility dates; Pyodide changelog: null becomes jsnull with 0.28, to_js of a dict an Object with
0.29.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NEWEST", "Era", "current", "select"]


class Era(NamedTuple):
    """What differs between generations. `pyodide_version` is what `pyodide.__version__` reads.

    Of WebSockets: binary messages are Blobs unless `binaryType` says otherwise, a Close frame is answered by the
    runtime, and the reason of a close has a limit.
    `has_node`: names of Node.js are global.
    `bindings_are_raw`: the `workers` package of the time hands out most bindings as JavaScript has them, and not in
    wrappers that convert arguments and results.
    `waits_at_import`: the main module is imported on a stack that can be suspended.
    """

    null_is_none: bool = False
    dicts_become_maps: bool = False
    bindings_are_raw: bool = False
    has_node: bool = False
    waits_at_import: bool = True
    pyodide_version: str = "314.0.0"
    sockets_get_blobs: bool = True
    sockets_answer_close: bool = True
    sockets_limit_reason: bool = True


NEWEST: Final = Era()

_selected = NEWEST


def current() -> Era:
    """The era in force; the newest one unless another was selected."""
    return _selected


def select(era: Era) -> None:
    """Put an era in force. Called once, before the handler and the shims are imported."""
    global _selected
    _selected = era
