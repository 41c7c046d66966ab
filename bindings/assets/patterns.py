"""Paths with placeholders, as `_headers` and `_redirects` write them: `/blog/:slug`, `/docs/*`.

Source: developer docs, "Headers" and "Redirects" of static assets; workers-shared, utils/rules-engine.ts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABSOLUTE", "PLACEHOLDER", "Pattern", "filled", "tidied"]

PLACEHOLDER: Final = re.compile(r":([A-Za-z]\w*)", re.ASCII)
#: The only form in which a rule may name a host.
ABSOLUTE: Final = re.compile(r"https://+(?P<host>[^/]+)/?(?P<rest>.*)")
_PART: Final = re.compile(r"\*|:[A-Za-z]\w*", re.ASCII)
#: Characters of a rule's path that stay as they are in a URL.
_KEPT: Final = "%/!$&'()*+,;=:@-._~?#[]"


class Pattern:
    """One rule's path. Raises re.error for one that repeats a name, as two asterisks do."""

    def __init__(self, rule: str) -> None:
        self._has_host = rule.startswith("https://")
        host_end = rule.find("/", len("https://")) if self._has_host else 0
        regex, at = "", 0
        for part in _PART.finditer(rule):
            regex += re.escape(rule[at : part.start()])
            if part[0] == "*":
                regex += "(?P<splat>.*)"
            else:
                # A name in the host ends at a dot, one in the path at a slash.
                regex += f"(?P<{part[0][1:]}>{'[^/.]+' if part.start() < host_end else '[^/]+'})"
            at = part.end()
        self._regex = re.compile(regex + re.escape(rule[at:]))

    def match(self, host: str, path: str) -> Mapping[str, str] | None:
        """The texts of the placeholders, None when it is another path. The request's own scheme does not matter."""
        found = self._regex.fullmatch(f"https://{host}{path}" if self._has_host else path)
        return None if found is None else found.groupdict()


def filled(text: str, names: Mapping[str, str]) -> str:
    """The text with what its placeholders stand for; unknown ones stay."""
    return PLACEHOLDER.sub(lambda match: names.get(match[1], match[0]), text)


def tidied(path: str, *, keep_query: bool) -> str:
    """A rule's path as a URL has it, with or without what follows it."""
    if not keep_query:
        path = urlsplit(f"https://h{path}").path
    return quote(path, safe=_KEPT)
