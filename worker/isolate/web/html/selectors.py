"""CSS selectors, as far as a rewriter can decide them when an element begins.

Source: developer docs, "HTMLRewriter", Selectors: types, classes, ids, attributes, `:not()`, `:nth-child()` and its
kind, descendants and children.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from paddock.worker.isolate.web.errors import type_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paddock.worker.isolate.web.errors import JsException

__all__ = ["Candidate", "Selector"]


class Candidate(Protocol):
    """An open element. `place` counts its siblings up to it, `type_place` those of its name."""

    @property
    def name(self) -> str: ...

    @property
    def attributes(self) -> Mapping[str, str]: ...

    @property
    def place(self) -> int: ...

    @property
    def type_place(self) -> int: ...


_Test: TypeAlias = Callable[[Candidate], bool]

_NAME: Final = r"-?(?:[-_a-zA-Z\u0080-\U0010ffff]|\\.)(?:[-_a-zA-Z0-9\u0080-\U0010ffff]|\\.)*"
_PART: Final = re.compile(
    rf"""(?P<universal>\*)|\#(?P<id>{_NAME})|\.(?P<class>{_NAME})|:(?P<pseudo>:?[-a-z]+)(?P<open>\()?
    |\[\s*(?P<attribute>{_NAME})\s*(?:(?P<operator>[~|^$*]?=)\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>{_NAME}))
    \s*(?P<flag>[iIsS])?\s*)?(?:\]|$)|(?P<type>{_NAME})""",
    re.VERBOSE,
)
_BETWEEN: Final = re.compile(r"\s*([>,])\s*|\s+")
_NTH: Final = re.compile(r"\s*(?:([+-]?\d*)n\s*(?:([+-])\s*(\d+))?|([+-]?\d+)|(odd|even))\s*\)", re.IGNORECASE)
_NOT: Final = re.compile(r"\s*\)")


class _Step(NamedTuple):
    """What one element must be, and how it relates to the one before: "" for any ancestor, ">" for the parent."""

    relation: str
    tests: tuple[_Test, ...]


class Selector:
    """A parsed selector. Raises a TypeError for one that is malformed or not supported."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._alternatives = _parsed(text)

    def matches(self, path: Sequence[Candidate]) -> bool:
        """Whether the last element of a path from the root is selected."""
        return any(_fits(steps, len(steps) - 1, path, len(path) - 1) for steps in self._alternatives)


def _fits(steps: Sequence[_Step], step: int, path: Sequence[Candidate], place: int) -> bool:
    if place < 0 or not all(test(path[place]) for test in steps[step].tests):
        return False
    if step == 0:
        return True
    if steps[step].relation == ">":
        return _fits(steps, step - 1, path, place - 1)
    return any(_fits(steps, step - 1, path, above) for above in range(place))


def _parsed(text: str) -> list[list[_Step]]:
    alternatives: list[list[_Step]] = [[]]
    relation, place = "", 0
    source = text.strip()
    while True:
        if place == len(source) and relation == ">":
            raise _malformed("Dangling combinator in selector.")
        tests, place = _compound(source, place)
        alternatives[-1].append(_Step(relation, tests))
        if place == len(source):
            return alternatives
        between = _BETWEEN.match(source, place)
        if between is None:
            raise _malformed("Unexpected token in selector.")
        relation, place = (between[1] or ""), between.end()
        if relation == ",":
            alternatives.append([])
            relation = ""


def _compound(source: str, place: int) -> tuple[tuple[_Test, ...], int]:
    """The tests on one element, and where they end."""
    tests: list[_Test] = []
    while match := _PART.match(source, place):
        if match["type"] and tests:
            break
        place = match.end()
        if match["pseudo"]:
            test, place = _pseudo(match, source, place)
            tests.append(test)
        else:
            tests.append(_test(match))
    following = source[place : place + 1]
    if following == "|":
        raise _malformed("Selectors with explicit namespaces are not supported.")
    if not tests and following in ("+", "~") and place:
        raise _malformed(f"Unsupported combinator `{following}` in selector.")
    if following == "." and place + 1 == len(source):
        raise _malformed("Unexpected end of selector.")
    if not tests:
        raise _malformed("The selector is empty.")
    return tuple(tests), place


def _test(match: re.Match[str]) -> _Test:
    if match["universal"]:
        return lambda _element: True
    if match["id"]:
        wanted = _unescaped(match["id"])
        return lambda element: element.attributes.get("id") == wanted
    if match["class"]:
        wanted = _unescaped(match["class"])
        return lambda element: wanted in element.attributes.get("class", "").split()
    if match["type"]:
        wanted = _unescaped(match["type"]).lower()
        return lambda element: element.name == wanted
    return _attribute(match)


def _attribute(match: re.Match[str]) -> _Test:
    name, operator = _unescaped(match["attribute"]).lower(), match["operator"]
    if not operator:
        return lambda element: name in element.attributes
    given = next(match[group] for group in ("double", "single", "bare") if match[group] is not None)
    ignores_case = (match["flag"] or "").lower() == "i"
    wanted = _folded(_unescaped(given), ignores_case)
    compare: Callable[[str], bool] = {
        "=": lambda value: value == wanted,
        "~=": lambda value: wanted in value.split(),
        "|=": lambda value: value == wanted or value.startswith(f"{wanted}-"),
        "^=": lambda value: bool(wanted) and value.startswith(wanted),
        "$=": lambda value: bool(wanted) and value.endswith(wanted),
        "*=": lambda value: bool(wanted) and wanted in value,
    }[operator]
    return lambda element: name in element.attributes and compare(_folded(element.attributes[name], ignores_case))


def _pseudo(match: re.Match[str], source: str, place: int) -> tuple[_Test, int]:
    name = match["pseudo"]
    if name == "not" and match["open"]:
        tests, place = _compound(source, place)
        end = _NOT.match(source, place)
        if end is None:
            raise _malformed("Unsupported pseudo-class or pseudo-element in selector.")
        return (lambda element: not all(test(element) for test in tests)), end.end()
    if name in ("first-child", "first-of-type") and not match["open"]:
        is_typed = name == "first-of-type"
        return (lambda element: (element.type_place if is_typed else element.place) == 1), place
    if name not in ("nth-child", "nth-of-type") or not match["open"]:
        raise _malformed("Unsupported pseudo-class or pseudo-element in selector.")
    nth = _NTH.match(source, place)
    if nth is None:
        raise _malformed("Unexpected token in selector.")
    step, offset = _formula(nth)
    is_nth_type = name == "nth-of-type"

    def is_nth(element: Candidate) -> bool:
        beyond = (element.type_place if is_nth_type else element.place) - offset
        return beyond == 0 if step == 0 else beyond % step == 0 and beyond // step >= 0

    return is_nth, nth.end()


def _formula(nth: re.Match[str]) -> tuple[int, int]:
    """Step and offset of `an+b`."""
    if nth[5]:
        return 2, int(nth[5].lower() == "odd")
    if nth[4]:
        return 0, int(nth[4])
    step = int(f"{nth[1]}1") if nth[1] in ("", "+", "-") else int(nth[1])
    return step, int(f"{nth[2]}{nth[3]}") if nth[3] else 0


def _folded(text: str, ignores_case: bool) -> str:
    return text.lower() if ignores_case else text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _malformed(text: str) -> JsException:
    return type_error(f"Parser error: {text}")
