"""`_headers`: what responses get beside the default headers, by path.

Source: developer docs, "Headers" of static assets; workers-shared, utils/configuration/parseHeaders.ts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.bindings.assets.patterns import ABSOLUTE, Pattern, filled, tidied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paddock.bindings.binding import Headers

__all__ = ["HeaderRule", "applied", "parse_headers"]

_MAX_RULES: Final = 100
_MAX_LINE: Final = 2000


class HeaderRule(NamedTuple):
    """Headers of the paths that a pattern matches."""

    pattern: Pattern
    values: dict[str, str]
    removed: list[str]


def applied(rules: Sequence[HeaderRule], host: str, path: str, headers: Headers) -> Headers:
    """The headers after every rule that matches, in order: the first to name a header replaces it, others add."""
    result = {name.lower(): value for name, value in headers}
    given: set[str] = set()
    for rule in rules:
        names = rule.pattern.match(host, path)
        if names is None:
            continue
        for name in rule.removed:
            result.pop(name.lower(), None)
        for name, value in rule.values.items():
            text = filled(value, names)
            result[name] = f"{result[name]}, {text}" if name in given and name in result else text
            given.add(name)
    return tuple(result.items())


def parse_headers(text: str) -> tuple[list[HeaderRule], list[str]]:
    """The rules of a file, and what is wrong with it, a text for each line."""
    rules: list[HeaderRule] = []
    problems: list[str] = []
    for number, path, lines in _blocks(text, problems):
        if len(rules) == _MAX_RULES:
            problems.append(f"line {number}: Maximum number of rules supported is {_MAX_RULES}.")
            break
        values: dict[str, str] = {}
        removed: list[str] = []
        for at, line in lines:
            if problem := _read_line(line, values, removed):
                problems.append(f"line {at}: {problem}")
        if not values and not removed:
            problems.append(f"line {number}: No headers specified")
            continue
        try:
            rules.append(HeaderRule(Pattern(path), values, removed))
        except re.error:
            problems.append(f"line {number}: a path can have one asterisk, and each name once")
    return rules, problems


def _blocks(text: str, problems: list[str]) -> Iterator[tuple[int, str, list[tuple[int, str]]]]:
    """Each path with its line number and the lines below it."""
    block: tuple[int, str, list[tuple[int, str]]] | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if len(line) > _MAX_LINE:
            problems.append(f"line {number}: longer than the maximum allowed length of {_MAX_LINE}.")
        elif re.match(r"\S+://|/", line):
            if block is not None:
                yield block
            path = _path(line)
            block = None if path is None else (number, path, [])
            if path is None:
                problems.append(f"line {number}: URLs should either be relative or use HTTPS, without a port.")
        elif block is None:
            problems.append(f"line {number}: Path should come before header ({line})")
        else:
            block[2].append((number, line))
    if block is not None:
        yield block


def _path(line: str) -> str | None:
    """The path of a rule, with a host if it has one; None for what cannot be one."""
    if line.startswith("/"):
        return tidied(line, keep_query=False)
    absolute = ABSOLUTE.match(line)
    if absolute is None or re.search(r":\d+$", absolute["host"]):
        return None
    return f"https://{absolute['host']}{tidied('/' + absolute['rest'], keep_query=False)}"


def _read_line(line: str, values: dict[str, str], removed: list[str]) -> str:
    """Add one line of a rule. Returns what is wrong with it, or nothing."""
    if ":" not in line:
        if not line.startswith("! "):
            return "Expected a colon-separated header pair (e.g. name: value)"
        removed.append(line.removeprefix("! ").strip())
        return ""
    name, _, value = line.partition(":")
    name, value = name.strip().lower(), value.strip()
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name):
        return "Header name cannot include spaces" if " " in name else "No header name specified"
    if not value:
        return "No header value specified"
    values[name] = f"{values[name]}, {value}" if name in values else value
    return ""
