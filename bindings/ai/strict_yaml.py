"""YAML text -> plain values, for files that anybody may drop into a folder.

Only what JSON can say comes out: mappings with text keys, lists, text, numbers, booleans, null. A key given twice, an
alias, a tag, a second document or nesting past the limit is refused with its line. The values are built from the event
stream in one loop, because PyYAML's own composer recurses: in its C form, text of 100 kB can end the process.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

__all__ = ["MAX_DEPTH", "YamlProblem", "parse_yaml"]

#: Deepest nesting that is read. The deepest known model file has 12 levels.
MAX_DEPTH: Final = 64

# Dates stay text: a model file's `created_at` and `planned_deprecation_date` are passed on as they were written.
_SCALARS: Final = {
    "tag:yaml.org,2002:null": SafeConstructor.construct_yaml_null,
    "tag:yaml.org,2002:bool": SafeConstructor.construct_yaml_bool,
    "tag:yaml.org,2002:int": SafeConstructor.construct_yaml_int,
    "tag:yaml.org,2002:float": SafeConstructor.construct_yaml_float,
}
_LOADER: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlProblem(ValueError):
    """The text is not YAML, or is more than plain data. `line` counts from 1; `key` is a dotted path, maybe empty."""

    def __init__(self, problem: str, line: int, key: str = "") -> None:
        super().__init__(problem)
        self.line = line
        self.key = key


def parse_yaml(text: str) -> object:
    """Return the one document in `text` as plain values; None when there is none.

    Raises: YamlProblem.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise YamlProblem(exc.problem or exc.context or "not YAML", mark.line + 1 if mark else 1) from exc
    except yaml.YAMLError as exc:  # a control character: the reader has no mark
        raise YamlProblem(str(exc).splitlines()[0], 1) from exc
    return builder.document


class _Level:
    """A mapping or list that is still open. `place` is where it stands in its parent: a key or `[n]`."""

    __slots__ = ("box", "key", "lines", "place")

    def __init__(self, box: dict[str, object] | list[object], place: str) -> None:
        self.box = box
        self.place = place
        #: The key whose value comes next; None while a mapping waits for a key.
        self.key: str | None = None
        self.lines: dict[str, int] = {}

    def next_place(self) -> str:
        return f"[{len(self.box)}]" if isinstance(self.box, list) else self.key or ""


class _Builder:
    """Puts events together, one open level per nesting."""

    def __init__(self) -> None:
        self.document: object = None
        self._documents = 0
        self._levels: list[_Level] = []

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._problem("expected one document, got a second `---`", event)
        elif isinstance(event, yaml.AliasEvent):
            raise self._problem("aliases (`*name`) are not read; write the value out", event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._levels.pop()

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._refuse_tag(event)
        if len(self._levels) >= MAX_DEPTH:
            raise self._problem(f"expected at most {MAX_DEPTH} levels of nesting", event)
        if self._expects_key():
            raise self._problem("expected a text key, got a list or mapping", event)
        place = self._levels[-1].next_place() if self._levels else ""
        box: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(box)
        self._levels.append(_Level(box, place))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        try:
            value = _scalar_value(event)
        except ValueError as exc:
            raise self._problem(str(exc), event) from exc
        if not self._expects_key():
            self._put(value)
            return
        level = self._levels[-1]
        if not isinstance(value, str):
            raise self._problem(f"expected a text key, got {event.value!r}; quote it", event)
        level.key = value
        if value in level.lines:
            raise self._problem(f"key given twice, first in line {level.lines[value]}", event)
        level.lines[value] = _line(event)

    def _expects_key(self) -> bool:
        return bool(self._levels) and isinstance(self._levels[-1].box, dict) and self._levels[-1].key is None

    def _put(self, value: object) -> None:
        if not self._levels:
            self.document = value
            return
        level = self._levels[-1]
        if isinstance(level.box, list):
            level.box.append(value)
        elif level.key is not None:
            level.box[level.key] = value
            level.key = None

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._problem(f"tags are not read, got {event.tag!r}", event)

    def _problem(self, problem: str, event: yaml.Event) -> YamlProblem:
        places = [level.place for level in self._levels]
        if self._levels:
            places.append(self._levels[-1].next_place())
        # A file that is too deep need not show all of it.
        key = ".".join(place for place in places[:8] if place).replace(".[", "[")
        return YamlProblem(problem, _line(event), key)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar_value(event: yaml.ScalarEvent) -> object:
    """The value as YAML 1.1 reads it. Raises ValueError for a number that JSON cannot say."""
    tag: str = _RESOLVER.resolve(  # type: ignore[no-untyped-call] # the stubs leave it out
        yaml.ScalarNode, event.value, event.implicit
    )
    construct = _SCALARS.get(tag)
    if construct is None:
        return event.value
    value = construct(_CONSTRUCTOR, yaml.ScalarNode(tag, event.value))
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"expected a finite number, got {event.value}")
    return value


_RESOLVER: Final = Resolver()
_CONSTRUCTOR: Final = SafeConstructor()
