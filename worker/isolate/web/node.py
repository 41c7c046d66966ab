"""What the flag `nodejs_compat` adds to the global scope, as far as Python has a use for it: `process`.

Source: workerd, node-internal process; developer docs, "process".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.timers import SET_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROCESS", "Process"]

#: Source: workerd, node-version.
_NODE_VERSION: Final = "22.19.0"


class Process(JsProxy):
    """`js.process`. `env` has the worker's variables and secrets; what is assigned to it stays in the isolate."""

    _js_name = "process"
    title = "workerd"
    platform = "linux"
    arch = "x64"
    version = f"v{_NODE_VERSION}"
    pid = 1
    ppid = 0

    def __init__(self) -> None:
        super().__init__()
        self.env = JsObject()
        self.argv = JsArray(["workerd"])
        self.versions = JsObject({"node": _NODE_VERSION})

    def populate(self, variables: Mapping[str, str]) -> None:
        """Fill `env`. Called once, before the handler is imported."""
        self.env = JsObject(variables)

    def cwd(self) -> str:
        return "/bundle"

    def uptime(self) -> int:
        """Nothing, as in production."""
        return 0

    def nextTick(self, callback: object, *arguments: object) -> None:
        """Call back as soon as the running code lets go."""
        SET_TIMEOUT(callback, 0, *arguments)


PROCESS: Final = Process()
