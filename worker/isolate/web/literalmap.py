"""What `to_js` makes of a dict before Pyodide 0.29: a map whose text keys are its members, too.

So such a dict served as options and as inputs, which JavaScript reads by members. Source: Pyodide, LiteralMap (0.26).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.web.map import JsMap
from paddock.worker.isolate.web.objects import crossing, js_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LiteralMap"]


class LiteralMap(JsMap):
    """A map that reads like an object. What is assigned to a member becomes an entry."""

    _js_name = "LiteralMap"

    def __getattr__(self, name: str) -> object:
        entries = self.__dict__.get("_entries", {})
        if js_name(name) not in entries:
            raise AttributeError(name)
        return crossing(entries[js_name(name)])

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_entries":
            super().__setattr__(name, value)
        else:
            self._entries[js_name(name)] = value

    def _members(self) -> Mapping[str, object]:
        return {key: value for key, value in self._entries.items() if isinstance(key, str)}
