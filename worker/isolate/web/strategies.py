"""`CountQueuingStrategy` and `ByteLengthQueuingStrategy`: when a stream has enough. Source: Streams standard."""

from __future__ import annotations

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.objects import JsProxy, read

__all__ = ["ByteLengthQueuingStrategy", "CountQueuingStrategy"]


class CountQueuingStrategy(JsProxy, metaclass=JsClass):
    """Counts chunks."""

    def __init__(self, init: object = None) -> None:
        mark = read(init, "highWaterMark")
        if not isinstance(mark, int | float):
            raise type_error(f"{type(self).name}: highWaterMark must be a number")
        self._mark = mark

    @property
    def highWaterMark(self) -> float:
        return self._mark

    def size(self, _chunk: object = None) -> float:
        return 1


class ByteLengthQueuingStrategy(CountQueuingStrategy):
    """Counts bytes."""

    def size(self, chunk: object = None) -> float:
        length = read(chunk, "byteLength")
        return length if isinstance(length, int | float) else float("nan")
