"""JavaScript objects as modules that Python can import. Source: Pyodide, `register_js_module`."""

from __future__ import annotations

import sys
from types import ModuleType

from paddock.worker.isolate.web.objects import JsObject, JsProxy

__all__ = ["register_js_module", "unregister_js_module"]


class _JsModule(ModuleType):
    """The members of an object."""

    def __init__(self, name: str, target: JsProxy) -> None:
        super().__init__(name)
        self.__dict__["_target"] = target
        self.__path__: list[str] = []  # lets `import name.member` look here

    def __getattr__(self, name: str) -> object:
        member: object = getattr(self.__dict__["_target"], name)
        return member

    def __dir__(self) -> list[str]:
        return sorted(self.__dict__["_target"]._members())


def register_js_module(name: str, jsproxy: object) -> None:
    """Let `import name` give an object's members. Raises a TypeError for a name or an object of another type."""
    if not isinstance(name, str):
        raise TypeError(f"Argument 'name' must be a str, not {type(name).__name__!r}")
    if not isinstance(jsproxy, JsProxy):
        raise TypeError(f"Argument 'jsproxy' must be a JsProxy, not {type(jsproxy).__name__!r}")
    sys.modules[name] = _JsModule(name, jsproxy)
    for member, value in jsproxy._members().items():
        if isinstance(value, JsObject):
            sys.modules[f"{name}.{member}"] = _JsModule(f"{name}.{member}", value)


def unregister_js_module(name: str) -> None:
    """Take such a module away. Raises a ValueError where there is none."""
    if not isinstance(sys.modules.get(name), _JsModule):
        raise ValueError(f"Cannot unregister {name!r}: no Javascript module with that name is registered")
    for known in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[known]
