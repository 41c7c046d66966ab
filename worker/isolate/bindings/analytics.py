"""A dataset of Analytics Engine as handlers see it. Source: workerd, api/analytics-engine: limits and texts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.context import ExecutionContext
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.scope import require_request
from paddock.worker.isolate.web.text import js_string, to_number, utf8

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from paddock.worker.isolate.web.fetch import Fetcher

__all__ = ["AnalyticsEngine"]

logger = logging.getLogger(__name__)

_URL: Final = "https://analytics.paddock.internal/"
_MAX_INDEX_BYTES: Final = 96
_MAX_MEMBERS: Final = 20
_MAX_BLOB_BYTES: Final = 16_000


class AnalyticsEngine(JsProxy):
    """`env.DATASET`."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def writeDataPoint(self, event: object = None, **members: object) -> None:
        """Write one data point. Nothing is awaited: the event lasts until the server has it."""
        require_request()
        given = JsObject(members) if members else event
        point = JsObject({
            "indexes": JsArray(_indexes(_values(given, "indexes"))),
            "blobs": JsArray(_blobs(_values(given, "blobs"))),
            "doubles": JsArray(_doubles(_values(given, "doubles"))),
        })  # fmt: skip
        body = jsonvalue.stringify(point)

        def sent() -> Coroutine[object, object, None]:
            return self._send(body)

        ExecutionContext.current().prolong(sent)

    async def _send(self, body: object) -> None:
        try:
            await self._fetcher.fetch(_URL, JsObject({"method": "POST", "body": body}))
        except JsException as error:  # as in production nothing promises that a data point arrives
            logger.warning("data_point_lost %s", error)


def _values(event: object, name: str) -> list[object]:
    """A list of the data point; empty where there is none."""
    value = read(event, name)
    if is_nullish(value):
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise type_error(
            f"Incorrect type for the '{name}' field on 'AnalyticsEngineEvent': the provided value is not of type "
            "'Array'."
        )
    return list(value)


def _indexes(values: list[object]) -> list[str | None]:
    if len(values) > 1:
        raise type_error("writeDataPoint(): Maximum of 1 indexes supported.")
    found = [_bytes(value) for value in values]
    if any(len(index) > _MAX_INDEX_BYTES for index in found if index is not None):
        raise type_error(f"writeDataPoint(): Size of indexes[0] exceeds {_MAX_INDEX_BYTES} bytes).")
    return [_text(index) for index in found]


def _blobs(values: list[object]) -> list[str | None]:
    if len(values) > _MAX_MEMBERS:
        raise type_error(f"writeDataPoint(): Maximum of {_MAX_MEMBERS} blobs supported.")
    found = [_bytes(value) for value in values]
    if sum(len(blob) for blob in found if blob is not None) > _MAX_BLOB_BYTES:
        raise type_error(f"writeDataPoint(): Cumulative size of blobs exceeds {_MAX_BLOB_BYTES} bytes).")
    return [_text(blob) for blob in found]


def _doubles(values: list[object]) -> list[object]:
    if len(values) > _MAX_MEMBERS:
        raise type_error(f"writeDataPoint(): Maximum of {_MAX_MEMBERS} doubles supported.")
    return [to_number(value) for value in values]


def _bytes(value: object) -> bytes | None:
    if is_nullish(value):
        return None
    return value.to_bytes() if isinstance(value, JsBuffer) else utf8(js_string(value))


def _text(value: bytes | None) -> str | None:
    """Production keeps bytes, and its SQL API shows them as text."""
    return None if value is None else value.decode(errors="replace")
