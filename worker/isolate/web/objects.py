"""JavaScript values as Python sees them: the base class of all, the plain object, and null.

The rules are Pyodide's ("Type conversions", JsProxy): members are attributes; a plain object has no subscripts; two
values are equal when they are the same object; a reserved word of Python gets a trailing underscore.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn

from paddock.worker.isolate.web import era

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paddock.worker.isolate.web.array import JsArray
    from paddock.worker.isolate.web.map import ObjectMap

__all__ = [
    "Constructor",
    "JsNull",
    "JsObject",
    "JsProxy",
    "Unwrapped",
    "call_on",
    "crossing",
    "is_nullish",
    "js_name",
    "jsnull",
    "null",
    "read",
]


class JsProxy:
    """Any JavaScript value that is not a string, a number, a boolean, undefined or null."""

    __slots__ = ()

    #: The name that `constructor.name` reads, where the Python class is called otherwise.
    _js_name: ClassVar[str] = ""

    @property
    def constructor(self) -> JsProxy:
        return Constructor.of(type(self))

    @property
    def typeof(self) -> str:
        return "function" if callable(self) else "object"

    @property
    def js_id(self) -> int:
        """A number that two proxies share exactly when they are the same object."""
        return id(self)

    def toString(self) -> str:
        return f"[object {type(self)._js_name or type(self).__name__}]"

    def valueOf(self) -> object:
        return self

    def object_keys(self) -> JsArray:
        """Names of the object's own members."""
        return _array(self._members())

    def object_values(self) -> JsArray:
        return _array(self._members().values())

    def object_entries(self) -> JsArray:
        return _array(_array(entry) for entry in self._members().items())

    def as_object_map(self, *, hereditary: bool = False) -> ObjectMap:
        """A mutable mapping over the members; with `hereditary`, values that are objects come as mappings too."""
        from paddock.worker.isolate.web.map import ObjectMap  # imports this module

        return ObjectMap.over(self, hereditary)

    def as_py_json(self) -> object:
        """The object as dicts and lists would look, without a copy."""
        from paddock.worker.isolate.web.map import as_json  # imports this module

        return as_json(self)

    def to_py(self, *, depth: int = -1, default_converter: Callable[..., object] | None = None) -> object:
        """A deep copy in Python's own types; class instances come back as they are."""
        from paddock.worker.isolate.web.convert import to_py  # imports this module

        return to_py(self, depth=depth, default_converter=default_converter)

    def to_weakref(self) -> JsProxy:
        """A reference that does not keep the object alive."""
        from paddock.worker.isolate.web.weak import WeakRef  # imports this module

        return WeakRef.new(self)

    def bind_sig(self, signature: object, /) -> JsProxy:
        """The same object: signatures are for type checkers."""
        return self

    bind_class = bind_sig

    def _members(self) -> Mapping[str, object]:
        """Own members: of a class instance, what was assigned to it from outside."""
        return {name: value for name, value in getattr(self, "__dict__", {}).items() if not name.startswith("_")}

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.toString()


class Constructor(JsProxy):
    """What `constructor` reads on an instance of a class that handlers cannot name."""

    __slots__ = ("name",)
    _js_name = "Function"
    _known: ClassVar[dict[type, JsProxy]] = {}

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def of(cls, kind: type) -> JsProxy:
        """The constructor of a class; the class itself where it is one that handlers can name."""
        if isinstance(kind, JsProxy):  # its metaclass makes it a JavaScript value of its own
            return kind
        name = getattr(kind, "_js_name", "") or kind.__name__
        if name in _WRAPPED_BINDINGS and era.current().bindings_are_raw:
            return _UNWRAPPED_BINDING
        if kind not in cls._known:
            cls._known[kind] = cls(name)
        return cls._known[kind]

    def __call__(self, *args: object) -> NoReturn:
        raise TypeError("Illegal constructor")


#: Bindings that the SDK wraps, which knows them by these names; the SDK of older eras did not.
_WRAPPED_BINDINGS: Final = {
    "KvNamespace", "R2Bucket", "D1Database", "WorkerQueue", "Ai", "VectorizeIndexImpl", "AnalyticsEngine",
    "AnalyticsEngineDataset", "LocalAnalyticsEngineDataset", "ImagesBindingImpl", "HostedImagesBindingImpl",
    "Ratelimit",
}  # fmt: skip
_UNWRAPPED_BINDING: Final = Constructor("Object")


class JsNull:
    """The class of `jsnull`: falsy, only ever one, and not None, which is undefined."""

    __slots__ = ()
    _only: ClassVar[JsNull | None] = None

    def __new__(cls) -> JsNull:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "jsnull"

    def __reduce__(self) -> tuple[type[JsNull], tuple[()]]:
        return JsNull, ()


jsnull: Final = JsNull()


def null() -> JsNull | None:
    """What null is in Python: `jsnull`, and None in the older eras."""
    return None if era.current().null_is_none else jsnull


class Unwrapped(JsProxy):
    """Base of what comes back to Python as the Python object that it stands for."""

    __slots__ = ()

    def unwrap(self) -> object:
        raise NotImplementedError


def crossing(value: object) -> object:
    """A stored value as Python gets it: containers keep null as it is, so that JSON can write it in every era."""
    if value is jsnull:
        return null()
    return value.unwrap() if isinstance(value, Unwrapped) else value


def call_on(this: object, function: Callable[..., object], *args: object) -> object:
    """Call a function as a method of `this`, which only proxies that capture it look at."""
    with_this = getattr(function, "_call_on", None)
    return function(*args) if with_this is None else with_this(this, *args)


def is_nullish(value: object) -> bool:
    """Whether a value is undefined or null."""
    return value is None or value is jsnull


class JsObject(JsProxy):
    """A plain object: `Object.new()`, a parsed JSON object, the keyword arguments of a call."""

    __slots__ = ("__members", "__weakref__")
    __members: dict[str, object]
    _js_name = "Object"

    def __init__(self, members: Mapping[str, object] | Iterable[tuple[str, object]] = ()) -> None:
        object.__setattr__(self, "_JsObject__members", dict(members))

    def __getattr__(self, name: str) -> object:
        if name == "_JsObject__members":  # an object not filled yet has no members to look in
            raise AttributeError(name)
        try:
            return crossing(self.__members[js_name(name)])
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: object) -> None:
        self.__members[js_name(name)] = value

    def __delattr__(self, name: str) -> None:
        if self.__members.pop(js_name(name), _ABSENT) is _ABSENT:
            raise AttributeError(name)

    def _put(self, name: str, value: object) -> None:
        """Set a member by its JavaScript name, taken literally."""
        self.__members[name] = value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__members})

    def _members(self) -> Mapping[str, object]:
        members = self.__members
        if not any(name.isdecimal() for name in members):
            return members
        # Names that are array indexes come first, in rising order, whenever they were added.
        indexes = sorted((name for name in members if _is_index(name)), key=int)
        return {name: members[name] for name in (*indexes, *(n for n in members if not _is_index(n)))}


_ABSENT: Final = object()


def js_name(name: str) -> str:
    """The JavaScript name of a Python attribute: `from_` is `from`."""
    if name[-1:] == "_" and keyword.iskeyword(name.rstrip("_")):
        return name[:-1]
    return name


def read(value: object, name: str) -> object:
    """A member of any value as JavaScript code would read it; None where there is none.

    A Python dict passed where an object is expected is read through its items, as its proxy is in production.
    """
    if isinstance(value, JsObject):
        return value._members().get(name)
    if isinstance(value, dict):
        return value.get(name)
    return getattr(value, name, None)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0") and int(name) < 2**32 - 1


def _array(items: Iterable[object]) -> JsArray:
    from paddock.worker.isolate.web.array import JsArray  # imports this module

    return JsArray(items)
