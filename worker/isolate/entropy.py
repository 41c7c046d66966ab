"""No entropy while the handler is imported (PW-159, PW-160).

Production takes a snapshot after the import and starts every instance of a worker from it: what is random then would be
the same in all of them. So `os.urandom` and what stands on it raise, and so do the functions of `random`, whose
generator is seeded anew before the first event. Source: workerd, topLevelEntropy.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import random
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GATE", "block_calls", "refused"]

logger = logging.getLogger(__name__)

#: Production's way out, for packages that cannot do without.
_PERMISSION: Final = "PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY"
#: Production's older text, and the advice of its newer one in other words.
_NO_ENTROPY: Final = (
    "Cannot get entropy outside of request context: what is random while a Worker starts would be the same in all of "
    "its instances. Call this in a handler. If a package does it when it is imported, import the package in a function "
    f'that a handler calls; if that cannot be, set os.environ["{_PERMISSION}"] = "1" before the import, but never for '
    "secrets or unique ids. Please report such a package at https://github.com/cloudflare/workers-py/issues/new."
)
#: `random.Random(seed)` needs no entropy; a SystemRandom asks `os.urandom` when it is used.
_RANDOM_CLASSES: Final = ("Random", "SystemRandom")


class _Gate:
    """Whether there is entropy right now: from the end of the import on, and before it where it is allowed."""

    def __init__(self) -> None:
        self.is_open = True
        self._is_strict = True
        #: Calls that may pass although the gate is closed; any number when it is negative.
        self._allowance = 0

    def check(self, error: Exception) -> None:
        """Let one call pass, or raise. A project that is not strict gets a warning instead."""
        if self.is_open or os.environ.get(_PERMISSION, "").strip() == "1":
            return
        if self._allowance:
            self._allowance -= self._allowance > 0
        elif self._is_strict:
            raise error
        else:
            logger.warning("%s. Production refuses this.", error)

    @contextmanager
    def allowing(self, calls: int) -> Iterator[None]:
        """Let a number of calls pass; negative: as many as there are."""
        before, self._allowance = self._allowance, calls
        try:
            yield
        finally:
            self._allowance = before

    def close(self, *, is_strict: bool) -> None:
        self.is_open, self._is_strict = False, is_strict


GATE: Final = _Gate()

_urandom: Final = os.urandom
#: What stands in `sys.modules` in place of a module, by the module's name; and the module.
_blocked: Final[dict[str, ModuleType]] = {}


@contextmanager
def refused(*, is_strict: bool) -> Iterator[None]:
    """Close the gate for the import of the handler, and open it for good afterwards."""
    GATE.close(is_strict=is_strict)
    block_calls(random, allowlist=_RANDOM_CLASSES)
    os.urandom = random._urandom = _checked_urandom  # type: ignore[attr-defined]  # its own name for it
    try:
        yield
    finally:
        os.urandom = random._urandom = _urandom  # type: ignore[attr-defined]  # as above
        for name, module in _blocked.items():
            sys.modules[name] = module
        GATE.is_open = True
        random.seed()


def block_calls(module: ModuleType, *, allowlist: tuple[str, ...] = ()) -> None:
    """Have the functions of a module raise while the gate is closed, whoever imports it from now on."""
    if not isinstance(module, _Blocked):
        _blocked[module.__name__] = module
        sys.modules[module.__name__] = _Blocked(module, allowlist)


def _checked_urandom(size: int, /) -> bytes:
    GATE.check(OSError(errno.EIO, _NO_ENTROPY))
    return _urandom(size)


class _Blocked(ModuleType):
    """A module whose functions raise. Those that were imported by name serve as the originals later."""

    def __init__(self, module: ModuleType, allowlist: tuple[str, ...]) -> None:
        super().__init__(module.__name__)
        super().__setattr__("_paddock", (module, allowlist))

    def __getattribute__(self, name: str) -> Any:
        module, allowlist = super().__getattribute__("_paddock")
        found = getattr(module, name)
        if GATE.is_open or name in allowlist or isinstance(found, type) or not callable(found):
            return found

        @functools.wraps(found)
        def checked(*args: object, **kwargs: object) -> object:
            GATE.check(RuntimeError(f"Cannot use {module.__name__}.{name}() outside of request context"))
            return found(*args, **kwargs)

        return checked

    def __setattr__(self, name: str, value: object) -> None:
        module, _ = super().__getattribute__("_paddock")
        setattr(module, name, value)

    def __dir__(self) -> list[str]:
        module, _ = super().__getattribute__("_paddock")
        return dir(module)
