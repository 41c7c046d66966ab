"""HTML: what production takes out, extracts and resolves, by the docs' page on how it works."""

import pytest

from paddock.bindings.ai.markdown.documents import HtmlOptions


def markdown(read, html: str, **options: str) -> str:
    outcome = read(html.encode(), "a.html", html=HtmlOptions(**options))
    assert outcome.error == ""
    return outcome.data


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h2>Head</h2><p>text", "## Head\n\ntext"),
        ("<p>an <em>old</em> <b>house</b> with <code>x = 1</code>", "an _old_ **house** with `x = 1`"),
        ("<ul><li>a<ol><li>b</ol></ul>", "- a\n  1. b"),
        ("<blockquote>said</blockquote>", "> said"),
        ("<table><tr><td>a<td>b<tr><td>1|2<td>3</table>", "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |"),
        ('<pre><code class="language-python">x = 1\n\n\ny = 2</code></pre>', "```python\nx = 1\n\n\ny = 2\n```"),
        ("<script>x</script><style>y</style><template>z</template><p>text", "text"),
        ("<header>h</header><p>text<footer>f</footer>", "text"),
        ("<p>2 * 3 * 4 and snake_case", "2 \\* 3 \\* 4 and snake\\_case"),
        ("", ""),
    ],
)
def test_elements(read, html: str, expected: str) -> None:
    assert markdown(read, html) == expected


def test_an_image_that_the_document_carries_is_its_alternative_text(read) -> None:
    assert markdown(read, '<p>a <img src="data:image/png;base64,AA==" alt="small dot"> b') == "a small dot b"


def test_an_image_elsewhere_is_linked_and_not_fetched(read) -> None:
    assert markdown(read, '<img src="http://127.0.0.1:1/x.png" alt="x">') == "![x](http://127.0.0.1:1/x.png)"


def test_the_meta_tags_are_front_matter(read) -> None:
    html = """<title>Lighthouses: a
      history</title><meta property="og:title" content="unused"><meta property="og:description" content="Lit · again">
      <meta property="og:image" content="https://example.com/a.png"><p>text"""
    assert markdown(read, html) == (
        "---\ntitle: 'Lighthouses: a history'\ndescription: Lit · again\nimage: https://example.com/a.png\n---\n\ntext"
    )


def test_linked_data_stands_at_the_end(read) -> None:
    html = '<script type="application/ld+json"> {"@type": "Thing"} </script><p>text'
    assert markdown(read, html) == 'text\n\n```json\n{"@type": "Thing"}\n```'


LINKS = '<a href="b?c#d">x</a>'


@pytest.mark.parametrize(
    ("base", "hostname", "expected"),
    [
        ("", None, "b?c#d"),
        ('<base href="https://example.com/a/"><base href="https://example.org/">', None, "https://example.com/a/b?c#d"),
        ("", "example.net", "https://example.net/b?c#d"),
        ("", "http://example.net:8080", "http://example.net:8080/b?c#d"),
        ('<base href="/docs/">', "example.net", "https://example.net/docs/b?c#d"),
        ('<base href="https://example.com/a/">', "example.net", "https://example.net/b?c#d"),
        ('<base href="/docs/">', None, "b?c#d"),
    ],
)
def test_relative_links_are_resolved_where_a_base_is_known(read, base: str, hostname, expected: str) -> None:
    options = {"hostname": hostname} if hostname else {}
    assert markdown(read, f"{base}<p>{LINKS}", **options) == f"[x]({expected})"


@pytest.mark.parametrize("link", ["http://[", "//[x", "https://example.com:port/"])
def test_a_link_that_is_no_address_stays_as_it_is(read, link: str) -> None:
    assert link in markdown(read, f'<a href="{link}">x</a>', hostname="example.net")


@pytest.mark.parametrize("hostname", ["http://[", "https://", "//"])
def test_a_hostname_that_is_none_is_that_documents_error(read, hostname: str) -> None:
    assert "html.hostname: expected" in read(b"<p>x", "a.html", html=HtmlOptions(hostname=hostname)).error


def test_a_selector_keeps_what_it_matches_once(read) -> None:
    html = "<header><p>menu</p></header><article><p>one</p><article>two</article></article><p>three"
    assert markdown(read, html, css_selector="article, header p") == "menu\n\none\n\ntwo"


def test_a_selector_that_matches_nothing_leaves_nothing(read) -> None:
    assert markdown(read, "<p>text", css_selector="article") == ""


def test_a_selector_that_is_none_is_that_documents_error(read) -> None:
    outcome = read(b"<p>x", "a.html", html=HtmlOptions(css_selector="p["))
    assert "html.cssSelector: expected a CSS selector; got 'p['" in outcome.error


@pytest.mark.parametrize(
    "data",
    [
        "<p>é".encode(),
        '<meta charset="iso-8859-1"><p>é'.encode("latin-1"),
        "<p>é".encode("utf-16"),
        "\ufeff<p>é".encode(),
    ],
)
def test_bytes_are_decoded_as_the_document_says(read, data: bytes) -> None:
    assert read(data, "a.html").data == "é"
