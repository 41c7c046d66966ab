"""`FormData`: the fields of a form, in order and with repeats.

Source: XMLHttpRequest standard, FormData. PW-055 to PW-058, PW-088.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, null
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Field", "FormData"]

Field: TypeAlias = str | File


class FormData(JsProxy, metaclass=JsClass):
    """A field is a string or a File; a Blob becomes a File when it is added."""

    def __init__(self) -> None:
        self._fields: list[tuple[str, Field]] = []

    @classmethod
    def of(cls, fields: Iterable[tuple[str, Field]]) -> FormData:
        """A form with given fields."""
        form = cls.__new__(cls)
        form._fields = list(fields)
        return form

    def append(self, name: object, value: object, filename: object = None) -> None:
        self._fields.append((js_string(name), _field(name, value, filename)))

    def set(self, name: object, value: object, filename: object = None) -> None:
        """Give a name one value, in the place of its first one."""
        key, field = js_string(name), _field(name, value, filename)
        places = [index for index, (found, _) in enumerate(self._fields) if found == key]
        if not places:
            self._fields.append((key, field))
            return
        self._fields[places[0]] = (key, field)
        for index in reversed(places[1:]):
            del self._fields[index]

    def delete(self, name: object) -> None:
        self._fields = [field for field in self._fields if field[0] != js_string(name)]

    def get(self, name: object) -> object:
        """The first value of a name; null where there is none."""
        return next((value for key, value in self._fields if key == js_string(name)), null())

    def getAll(self, name: object) -> JsArray:
        return JsArray(value for key, value in self._fields if key == js_string(name))

    def has(self, name: object) -> bool:
        return any(key == js_string(name) for key, _ in self._fields)

    def keys(self) -> JsIterator:
        return JsIterator([name for name, _ in self._fields])

    def values(self) -> JsIterator:
        return JsIterator([value for _, value in self._fields])

    def entries(self) -> JsIterator:
        return JsIterator([JsArray(field) for field in self._fields])

    def forEach(self, callback: Callable[..., object]) -> None:
        for name, value in list(self._fields):
            callback(value, name, self)

    def __iter__(self) -> Iterator[JsArray]:
        return iter(self.entries())

    def __contains__(self, name: object) -> bool:
        return self.has(name)

    def __getitem__(self, name: str) -> object:
        return self.get(name)


def _field(name: object, value: object, filename: object) -> Field:
    """A value as it is kept. A Blob without a file name has that of its field, as in workerd."""
    if not isinstance(value, Blob):
        return js_string(value)
    if isinstance(value, File) and is_nullish(filename):
        return value
    return File.named(value, js_string(name if is_nullish(filename) else filename))
