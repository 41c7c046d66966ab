"""Where the official SDK registers its patches of packages.

Source: workerd, topLevelEntropy/import_patch_manager. There is no snapshot here, and a compiled module needs no patch
while it is created: what is registered for these is not called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from paddock.worker.isolate.entropy import block_calls
from paddock.worker.isolate.importpatches import before_first_request as register_before_first_request
from paddock.worker.isolate.importpatches import exec_patch as register_exec_patch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "block_calls", "register_after_snapshot", "register_before_first_request", "register_create_patch",
    "register_exec_patch",
]  # fmt: skip

_T = TypeVar("_T")


def register_create_patch(_name: str) -> Callable[[_T], _T]:
    """Accepted."""
    return lambda patch: patch


def register_after_snapshot(_name: str) -> Callable[[_T], _T]:
    """Accepted."""
    return lambda function: function
