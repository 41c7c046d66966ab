"""Conditions and ranges. Source: Miniflare, workers/r2 validator; RFC 9110, 13."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.bindings.r2.refusals import R2Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.r2.orders import Condition, Range

__all__ = ["holds", "part_of"]


def holds(condition: Condition, etag: str | None, uploaded_ms: float) -> bool:
    """Whether a condition holds for an object; `etag` is None where there is no object."""
    if etag is None:
        return condition.etag_matches is None and condition.uploaded_after is None
    matches = condition.etag_matches is None or _has(condition.etag_matches, etag, is_weak=False)
    differs = condition.etag_does_not_match is None or not _has(condition.etag_does_not_match, etag, is_weak=True)

    def whole(milliseconds: float) -> float:
        return milliseconds // 1000 * 1000 if condition.seconds else milliseconds

    at, after, before = whole(uploaded_ms), condition.uploaded_after, condition.uploaded_before
    is_newer = after is None or whole(after) < at or (condition.etag_does_not_match is not None and differs)
    is_older = before is None or at < whole(before) or (condition.etag_matches is not None and matches)
    return matches and differs and is_newer and is_older


def part_of(wanted: Range | None, size: int) -> tuple[int, int]:
    """Offset and length in bytes of what is wanted. Raises R2Refused where there is no such part."""
    if wanted is None:
        return 0, size
    offset, length = wanted.offset or 0, wanted.length
    if wanted.suffix is not None:
        length = min(wanted.suffix, size)
        offset = size - length
    length = size - offset if length is None else length
    if offset < 0 or offset > size or length <= 0:
        raise R2Refused("range")
    return offset, min(length, size - offset)


def _has(tags: Iterable[str], etag: str, *, is_weak: bool) -> bool:
    """Whether a tag is among others; weak ones count in weak comparisons only."""
    return any(
        tag == "*" or (tag.removeprefix("W/").strip('"') == etag and (is_weak or not tag.startswith("W/")))
        for tag in tags
    )
