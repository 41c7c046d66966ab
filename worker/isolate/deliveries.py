"""Events that are no fetch, by kind: what the handler is called with, and afterwards what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from paddock.worker.isolate.batches import Batch
from paddock.worker.isolate.mail import Mail
from paddock.worker.isolate.scheduled import Scheduled
from paddock.worker.isolate.tailed import Tailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.wire import Headers

__all__ = ["DELIVERIES", "Delivery"]


class Delivery(Protocol):
    """One event."""

    @property
    def subject(self) -> object: ...

    def result(self) -> dict[str, object]: ...


#: Made of the event's headers and its body, which holds the arguments.
DELIVERIES: Final[dict[str, Callable[[Headers, bytes], Delivery]]] = {
    "scheduled": Scheduled,
    "queue": Batch,
    "email": Mail,
    "tail": Tailed,
}
