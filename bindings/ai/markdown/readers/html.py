"""HTML documents.

Source: developer docs, "Markdown Conversion", how it works. Title, description and image stand before the text as front
matter and JSON-LD stands behind it in a code block, in the forms that "Markdown for Agents" shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import yaml
from bs4 import Tag
from soupsieve import SelectorSyntaxError

from paddock.bindings.ai.markdown.documents import HtmlOptions, Unreadable
from paddock.bindings.ai.markdown.readers.markup import markdown_of, parsed

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]

_IGNORED: Final = ("script", "style", "template", "noscript", "svg", "iframe")
#: Removed where no selector says what is wanted.
_AROUND: Final = ("header", "footer", "head")
#: Key of the front matter -> where its value is looked for, in this order; `title` itself is the element.
_META: Final = {
    "title": ("title", "og:title"),
    "description": ("description", "og:description"),
    "image": ("og:image",),
}
_LINKS: Final = {"a": "href", "area": "href", "img": "src"}


def read(document: Document, job: Job) -> str:
    """Front matter, text and JSON-LD. Raises Unreadable for a selector that is none."""
    options = job.options.html or HtmlOptions()
    soup = parsed(document.data)
    front, linked_data, base = _front_matter(soup), _linked_data(soup), _base(soup, options.hostname)
    for element in soup.find_all(_IGNORED):
        element.decompose()
    if base:
        _resolve_links(soup, base)
    if options.css_selector is not None:
        body = "\n\n".join(filter(None, map(markdown_of, _selected(soup, options.css_selector))))
    else:
        for element in soup.find_all(_AROUND):
            element.decompose()
        body = markdown_of(soup)
    return "\n\n".join(part for part in (front, body, *linked_data) if part)


def _front_matter(soup: BeautifulSoup) -> str:
    found = {key: value for key, names in _META.items() if (value := _first(soup, names))}
    if not found:
        return ""
    return f"---\n{yaml.safe_dump(found, allow_unicode=True, sort_keys=False, width=2**31)}---"


def _first(soup: BeautifulSoup, names: tuple[str, ...]) -> str:
    for name in names:
        element = soup.title if name == "title" and soup.title else _meta(soup, name)
        value = "" if element is None else element.get_text() if element.name == "title" else element.get("content")
        if text := " ".join(str(value or "").split()):
            return text
    return ""


def _meta(soup: BeautifulSoup, name: str) -> Tag | None:
    found = soup.find("meta", attrs={"name": name}) or soup.find("meta", attrs={"property": name})
    return found if isinstance(found, Tag) else None


def _linked_data(soup: BeautifulSoup) -> list[str]:
    scripts = soup.find_all("script", attrs={"type": "application/ld+json"})
    return [f"```json\n{text}\n```" for script in scripts if (text := script.get_text().strip())]


def _base(soup: BeautifulSoup, hostname: str | None) -> str:
    """What links are relative to: the first `base` element, read against the host of the options, which wins."""
    element = soup.find("base", href=True)
    written = str(element.get("href", "")) if isinstance(element, Tag) else ""
    if not hostname:
        return written if _is_absolute(written) else ""
    host = hostname if "://" in hostname else f"https://{hostname}"
    if not _is_absolute(host):
        raise Unreadable(f"html.hostname: expected the name of a host; got {hostname[:100]!r}")
    return host if _is_absolute(written) else urljoin(host, written)


def _is_absolute(url: str) -> bool:
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:
        return False


def _resolve_links(soup: BeautifulSoup, base: str) -> None:
    for element in soup.find_all(_LINKS):
        name = _LINKS[element.name]
        if written := element.get(name):
            try:
                element[name] = urljoin(base, str(written))
            except ValueError:
                continue  # it is no address, so it leads nowhere from here either


def _selected(soup: BeautifulSoup, selector: str) -> list[Tag]:
    """The elements that match; what stands in another one of them is not repeated."""
    try:
        found = soup.select(selector)
    except SelectorSyntaxError as error:
        what = str(error).partition("\n")[0]
        raise Unreadable(f"html.cssSelector: expected a CSS selector; got {selector[:100]!r}: {what}") from error
    identities = {id(element) for element in found}
    return [element for element in found if not any(id(parent) in identities for parent in element.parents)]
