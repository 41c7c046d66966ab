"""Exceptions from the rule that nothing is random while the handler is imported.

Source: workerd, topLevelEntropy/allow_entropy. Production also complains about calls that were allowed and not made;
here compiled packages get their entropy from the kernel, and make none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.entropy import GATE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["allow_bad_entropy", "allow_bad_entropy_calls"]


def allow_bad_entropy_calls(n: int) -> AbstractContextManager[None]:
    """Let so many calls pass."""
    return GATE.allowing(n)


def allow_bad_entropy() -> AbstractContextManager[None]:
    """Let every call pass."""
    return GATE.allowing(-1)
