"""AI Gateway, as far as it exists without Cloudflare: a log of the runs that named a gateway, in memory, bounded.

Every gateway id exists. Nothing is cached, retried or limited here; the log says so (`cached` is false).
Source: workerd, `cloudflare-internal:aig-api`; developer docs, AI Gateway; WA-099, WA-108.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from paddock.bindings.binding import CallRecord

__all__ = ["MAX_ENTRIES", "PROVIDER", "GatewayEntry", "GatewayLog", "GatewayOptions", "LogPatch", "Metadata"]

#: Older entries are forgotten.
MAX_ENTRIES: Final = 1000
#: The only provider that Paddock has.
PROVIDER: Final = "workers-ai"
#: Crockford's base 32, in which ULIDs are written.
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH: Final = 26
_RANDOM_BITS: Final = 80

Metadata = dict[str, str | int | float | bool | None]


class GatewayOptions(msgspec.Struct, frozen=True, rename="camel"):
    """`options.gateway` of a run, as far as it shows in the log. Other members are production's business."""

    id: str
    metadata: Metadata | None = None
    collect_log: bool = True
    event_id: str | None = None


class LogPatch(msgspec.Struct, frozen=True):
    """The body of patchLog. What is absent stays; null takes away."""

    score: int | float | msgspec.UnsetType | None = msgspec.UNSET
    feedback: int | msgspec.UnsetType | None = msgspec.UNSET
    metadata: Metadata | msgspec.UnsetType | None = msgspec.UNSET


class GatewayEntry(msgspec.Struct, kw_only=True):
    """One run. Neither prompts nor answers are kept; `record` goes on counting while a stream is read."""

    options: GatewayOptions
    model: str
    request_bytes: int
    record: CallRecord | None
    #: Number of the request in a universal run.
    step: int = 0
    status_code: int = 0
    #: 0 for a stream.
    response_bytes: int = 0
    response_content_type: str = ""
    score: int | float | None = None
    feedback: int | None = None
    metadata: Metadata | None = None
    id: str = msgspec.field(default_factory=lambda: _new_id())
    created_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.metadata = self.options.metadata

    def as_result(self) -> dict[str, object]:
        """The entry as getLog returns it. Duration in milliseconds, sizes in bytes."""
        record = self.record
        return {
            "id": self.id,
            "provider": PROVIDER,
            "model": self.model,
            "path": self.model,
            "duration": round(record.duration_s * 1000) if record else 0,
            "request_content_type": "application/json",
            "request_size": self.request_bytes,
            "request_head_complete": False,
            "response_content_type": self.response_content_type,
            "response_size": self.response_bytes,
            "response_head_complete": False,
            "status_code": self.status_code,
            "success": self.status_code == 200 and (record is None or record.outcome == "ok"),
            "cached": False,
            "tokens_in": record.prompt_tokens if record else 0,
            "tokens_out": record.completion_tokens if record else 0,
            "step": self.step,
            "event_id": self.options.event_id,
            "metadata": self.metadata,
            "score": self.score,
            "feedback": self.feedback,
            "created_at": self.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    def change(self, patch: LogPatch) -> None:
        """Take over what a patch names."""
        for name in ("score", "feedback", "metadata"):
            value = getattr(patch, name)
            if value is not msgspec.UNSET:
                setattr(self, name, value)


class GatewayLog:
    """The latest entries of all gateways."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[str, GatewayEntry] = OrderedDict()

    def add(self, entry: GatewayEntry) -> None:
        """Keep an entry; the oldest goes when there are too many."""
        self._entries[entry.id] = entry
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def find(self, gateway: str, log_id: str) -> GatewayEntry | None:
        """The entry of this gateway with this id."""
        entry = self._entries.get(log_id)
        return entry if entry is not None and entry.options.id == gateway else None


def _new_id() -> str:
    """A ULID: 48 bits of time in milliseconds, then 80 random bits, so that ids sort by age."""
    number = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_ULID_LENGTH)))
