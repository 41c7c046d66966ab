"""HTMLRewriter. What the methods insert where is said by the developer docs, "HTMLRewriter"."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.html.rewriter import HTMLRewriter
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.proxies import create_proxy
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.streams import ReadableStream

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Old &amp; new</title></head>"
    '<body><p class="a">Hi <b>you</b>!</p><br></body></html>'
)


def _rewritten(rewriter: HTMLRewriter, page: str, piece_bytes: int = 10_000) -> str:
    async def main() -> str:
        data = page.encode()
        pieces = [uint8_array(data[i : i + piece_bytes]) for i in range(0, len(data), piece_bytes)]
        async with enter_request():
            response = Response.new(ReadableStream.from_(JsArray(pieces)))
            return str(await rewriter.transform(response).text())

    return asyncio.run(main())


def _with(selector: str, change: Callable[[Any], object], page: str = _PAGE, event: str = "element") -> str:
    """The page with one handler."""
    return _rewritten(HTMLRewriter.new().on(selector, JsObject({event: change})), page)


@pytest.mark.parametrize("piece_bytes", [1, 7, 10_000])
@pytest.mark.parametrize(
    "page",
    [
        _PAGE,
        "<p title='a > b' x=1/ y = \"<i>\">1 < 2 & <3</p>",
        "<script>if (a < b) document.write('</b>')</script><!-- <p> --><!bogus><?php ?></ p><",
        "<textarea></p></textarea ><title><b></title>",
        "<p unfinished",
        "<!-- unfinished",
        "é€\U0001f600<p>é</p>",
    ],
)
def test_an_unchanged_document_is_the_same(page: str, piece_bytes: int) -> None:
    rewriter = HTMLRewriter.new().on("*", JsObject({"element": lambda element: None}))
    assert _rewritten(rewriter, page, piece_bytes) == page


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda e: e.before("<1>").before("2"), "&lt;1&gt;2<b>x</b>"),
        (lambda e: e.after("1").after("2"), "<b>x</b>21"),
        (lambda e: e.prepend("1").prepend("<i>", html=True), "<b><i>1x</b>"),
        (lambda e: e.append("1").append("2"), "<b>x12</b>"),
        (lambda e: e.setInnerContent("<i>", JsObject({"html": True})), "<b><i></b>"),
        (lambda e: e.replace("&"), "&amp;"),
        (lambda e: e.remove().before("1").after("2"), "12"),
        (lambda e: e.removeAndKeepContent().before("1").append("2"), "1x2"),
        (lambda e: setattr(e, "tagName", "i"), "<i>x</i>"),
    ],
)
def test_element_changes(change: Callable[[Any], object], expected: str) -> None:
    assert _with("b", change, "<b>x</b>") == expected


def test_attributes() -> None:
    seen: list[object] = []

    def change(element: Any) -> None:
        seen.extend([element.tagName, [list(pair) for pair in element.attributes], element.getAttribute("none")])
        element.setAttribute("HREF", 'a"b').removeAttribute("id").setAttribute("new", 1)

    changed = _with("a", change, "<A  Href='x&amp;y' id=i checked>")
    assert seen == ["a", [["href", "x&amp;y"], ["id", "i"], ["checked", ""]], jsnull]
    assert changed == '<A Href="a&quot;b" checked new="1">'


@pytest.mark.parametrize(
    ("selector", "places"),
    [
        ("p", "12"), ("*", "d12sei"), ("#one", "1"), (".b", "12"), ("p.a", "1"), ("[data-x]", "2"),
        ('[data-x="Y z"]', "2"), ("[data-x=y]", ""), ('[data-x~="z" i]', "2"), ("[data-x^=Y]", "2"),
        ("[data-x$=z]", "2"), ("[data-x*=' ']", "2"), ("div p", "12"), ("div > p", "12"), ("div > em", ""),
        ("div em", "e"), ("p + p", None), ("p:first-child", "1"), ("p:nth-child(2)", "2"),
        ("p:nth-child(2n+1)", "1"), ("em:nth-of-type(1)", "e"), ("p:not(.a)", "2"), ("i, em", "ei"),
        ("span:first-of-type", "s"), ("p:hover", None), ("p:not(", None), ("", None), ("p >", None),
    ],
)  # fmt: skip
def test_selectors(selector: str, places: str | None) -> None:
    """None: production refuses it too."""
    page = "<div id=d><p id=one class='a b'></p><p class='b' data-x='Y z'></p><span><em></em></span></div><i></i>"
    names = {"div": "d", "span": "s", "em": "e", "i": "i"}
    seen: list[str] = []

    def note(element: Any) -> None:
        seen.append(names.get(element.tagName) or ("1" if element.hasAttribute("id") else "2"))

    if places is None:
        with pytest.raises(JsException, match="TypeError: Parser error"):
            HTMLRewriter.new().on(selector, JsObject())
    else:
        assert _with(selector, note, page) == page
        assert "".join(seen) == places


def test_text_comes_in_pieces_and_an_end() -> None:
    seen: list[tuple[str, bool]] = []
    page = "<p>one<b>two</b></p>three"
    assert _with("p", lambda text: seen.append((text.text, text.lastInTextNode)), page, "text") == page
    assert seen == [("one", False), ("", True), ("two", False), ("", True)]


def test_text_and_comments_are_changed() -> None:
    assert _with("b", lambda text: text.lastInTextNode and text.replace("new"), "<b>old</b>", "text") == "<b>oldnew</b>"
    assert (
        _with("b", lambda comment: setattr(comment, "text", "new"), "<b><!--old--></b>", "comments")
        == "<b><!--new--></b>"
    )
    assert _with("b", lambda comment: comment.remove(), "<b><!--old-->x</b>", "comments") == "<b>x</b>"


def test_handlers_see_what_is_not_written() -> None:
    """The content of a removed element is read, and dropped."""
    seen: list[str] = []
    rewriter = HTMLRewriter.new().on("div", JsObject({"element": lambda element: element.remove()}))
    rewriter.on("p", JsObject({"element": lambda element: seen.append(element.tagName) or element.after("x")}))
    assert _rewritten(rewriter, "a<div>b<p>c</p></div>d") == "ad"
    assert seen == ["p"]


def test_document_handlers() -> None:
    seen: list[object] = []
    handlers = JsObject({
        "doctype": lambda doctype: seen.append([doctype.name, doctype.publicId, doctype.systemId]),
        "comments": lambda comment: comment.remove(),
        "end": lambda end: end.append("<!-- end -->", html=True),
    })  # fmt: skip
    page = '<!doctype HTML PUBLIC "-//W3C//DTD" "http://w3.test/x.dtd"><!--a--><p>'
    changed = _rewritten(HTMLRewriter.new().onDocument(handlers), page)
    assert seen == [["html", "-//W3C//DTD", "http://w3.test/x.dtd"]]
    assert changed == page.replace("<!--a-->", "") + "<!-- end -->"


def test_end_tags() -> None:
    def change(element: Any) -> None:
        element.onEndTag(lambda tag: tag.before("1").after("2"))

    assert _with("p", change, "<p>x</p>") == "<p>x1</p>2"
    with pytest.raises(JsException, match="No end tag"):
        _with("br", change)


def test_elements_without_an_end_tag_end_with_their_parent() -> None:
    assert _with("li", lambda element: element.append("!"), "<ul><li>a</ul>b") == "<ul><li>a!</ul>b"


def test_python_object_with_async_handler() -> None:
    class Titles:
        """Handlers are methods of an object behind a proxy, as in Cloudflare's example 11."""

        async def element(self, element: Any) -> None:
            await asyncio.sleep(0)
            element.setInnerContent("New")

    assert "<title>New</title>" in _rewritten(HTMLRewriter.new().on("title", create_proxy(Titles())), _PAGE)


def test_failing_handler_breaks_the_response() -> None:
    def fail(_element: object) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        _with("p", fail)


def test_response_keeps_its_head_and_its_encoding() -> None:
    async def main() -> tuple[object, ...]:
        headers = JsObject({"content-type": "text/html; charset=latin1", "x": "1"})
        response = Response.from_parts(404, "Gone", tuple(headers._members().items()), b"<p>\xe9</p>")  # type: ignore[arg-type]  # texts
        change = JsObject({"element": lambda element: element.append("ä€")})
        made = HTMLRewriter.new().on("p", change).transform(response)
        return made.status, made.statusText, made.headers.get("x"), (await made.bytes()).to_bytes()

    assert asyncio.run(main()) == (404, "Gone", "1", "<p>éä€</p>".encode("cp1252"))


def test_response_without_a_body_is_returned_as_it_is() -> None:
    response = Response.new(None, status=204)
    assert HTMLRewriter.new().transform(response) is response
