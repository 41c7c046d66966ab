"""`_redirects`: paths that lead elsewhere, or, with status 200, to another file under the same address.

Source: developer docs, "Redirects" of static assets; workers-shared, utils/configuration/parseRedirects.ts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from paddock.bindings.assets.patterns import ABSOLUTE, PLACEHOLDER, Pattern, filled, tidied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.assets.settings import HtmlHandling

__all__ = ["Redirect", "Redirects", "location", "parse_redirects"]

_STATUSES: Final = (200, 301, 302, 303, 307, 308)
_MAX_STATIC: Final = 2000
_MAX_DYNAMIC: Final = 100
_MAX_LINE: Final = 2000
_INDEX: Final = re.compile(r"/index(\.html)?$")


class Redirect(NamedTuple):
    """Where a path leads."""

    to: str
    status: int


class Redirects(NamedTuple):
    """The rules of a file: whole paths are looked up, patterns are tried in order."""

    static: dict[str, Redirect]
    dynamic: list[tuple[Pattern, Redirect]]

    def match(self, host: str, path: str) -> Redirect | None:
        """The first rule for a path, filled in."""
        if found := self.static.get(path):
            return found
        for pattern, (to, status) in self.dynamic:
            if (names := pattern.match(host, path)) is not None:
                return Redirect(_filled(to, names), status)
        return None


def location(to: str, url: str) -> str:
    """The value of the header: relative where it stays on the request's own host, with the request's query."""
    here, there = urlsplit(url), urlsplit(urljoin(url, to))
    query = there.query or here.query
    rest = (f"?{query}" if query else "") + (f"#{there.fragment}" if there.fragment else "")
    is_own = (there.scheme, there.netloc) == (here.scheme, here.netloc)
    return (there.path or "/") + rest if is_own else f"{there.scheme}://{there.netloc}{there.path or '/'}{rest}"


def parse_redirects(text: str, html: HtmlHandling) -> tuple[Redirects, list[str]]:
    """The rules of a file, and what is wrong with it, a text for each line."""
    rules, problems, seen = Redirects({}, []), list[str](), set[str]()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        problem = _add(line, rules, seen, html)
        if problem:
            problems.append(f"line {number}: {problem}")
        if len(rules.dynamic) > _MAX_DYNAMIC:
            rules.dynamic.pop()
            problems.append(f"line {number}: Maximum number of dynamic rules supported is {_MAX_DYNAMIC}.")
            break
    return rules, problems


def _add(line: str, rules: Redirects, seen: set[str], html: HtmlHandling) -> str:
    """Add one line. Returns what is wrong with it, or nothing."""
    words = line.split()
    comment = next((at for at, word in enumerate(words) if at >= 2 and word.startswith("#")), len(words))
    words = words[:comment]
    if len(line) > _MAX_LINE:
        return f"longer than the maximum allowed length of {_MAX_LINE}."
    if len(words) not in (2, 3):
        return f"Expected exactly 2 or 3 whitespace-separated tokens. Got {len(words)}."
    if ABSOLUTE.match(words[0]):
        return f"Only relative URLs are allowed. Skipping absolute URL {words[0]}."
    source, to = tidied("/" + words[0].removeprefix("/"), keep_query=False), _target(words[1])
    status = words[2] if len(words) == 3 else "302"
    if to is None:
        return "URLs should either be relative (begin with a forward-slash), or use HTTPS (begin with https://)."
    if not status.isdecimal() or int(status) not in _STATUSES:
        return f"Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got {status}."
    if _is_endless(source, to, html):
        return "Infinite loop detected in this rule and has been ignored."
    if source in seen:
        return f"Ignoring duplicate rule for path {source}."
    seen.add(source)
    if status == "200" and to.startswith("https://"):
        return f"Proxy (200) redirects can only point to relative paths. Got {to}"
    return _put(rules, source, Redirect(to, int(status)))


def _put(rules: Redirects, source: str, redirect: Redirect) -> str:
    """Whole paths go before patterns, unless a pattern stands above them."""
    if not rules.dynamic and "*" not in source and not PLACEHOLDER.search(source):
        if len(rules.static) == _MAX_STATIC:
            return f"Maximum number of static rules supported is {_MAX_STATIC}. Skipping line."
        rules.static[source] = redirect
        return ""
    try:
        rules.dynamic.append((Pattern(source), redirect))
    except re.error:
        return "a path can have one asterisk, and each name once"
    return ""


def _target(word: str) -> str | None:
    if word.startswith("/"):
        return tidied(word, keep_query=True)
    absolute = ABSOLUTE.match(word)
    return f"https://{absolute['host']}{tidied('/' + absolute['rest'], keep_query=True)}" if absolute else None


def _is_endless(source: str, to: str, html: HtmlHandling) -> bool:
    """Whether html_handling would lead the target back to the rule."""
    if to.startswith("https://") or not _INDEX.search(to):
        return False
    return source.endswith("/*") or (source.endswith("/") and html != "none")


def _filled(to: str, names: Mapping[str, str]) -> str:
    text = filled(to, names).strip()
    # Without a host, two slashes at the beginning would name one.
    return text if text.startswith("https://") else re.sub("/+", "/", text)
