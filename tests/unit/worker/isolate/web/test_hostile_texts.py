"""Forms, URLs and headers of anything: they come back as they were, or are refused as JavaScript refuses them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.multipart import boundary_of, decode_multipart, encode_multipart
from paddock.worker.isolate.web.url import URL, URLSearchParams

TEXTS = st.text(max_size=40)
#: A percent sign is not escaped in a name, so `%0A` comes back as a line break, in browsers as well.
NAMES = TEXTS.map(lambda text: text.replace("%", "").rstrip("\\"))
BYTES = st.binary(max_size=80)
FIELDS = st.lists(st.tuples(NAMES, st.one_of(TEXTS, st.tuples(BYTES, NAMES))), max_size=5)
#: What URLs are made of, more often than by chance.
URLISH = st.lists(
    st.one_of(st.sampled_from(["http", "https", "file", "data", ":", "/", "//", "\\", "?", "#", "@", "[", "]", "%",
                               "..", ".", "%2e", "::1", "0x7f", "999", "xn--", "\u00df", "\t", " ", "a.test"]), TEXTS),
    max_size=8,
).map("".join)  # fmt: skip


@given(FIELDS)
def test_a_form_comes_back_as_it_was(fields: list) -> None:
    form = FormData.new()
    for name, value in fields:
        if isinstance(value, str):
            form.append(name, value)
        else:
            form.append(name, Blob.of(value[0]), value[1])
    read = decode_multipart(*encode_multipart(form))._fields
    assert [name for name, _ in read] == [name for name, _ in fields]
    for (_, found), (_, sent) in zip(read, fields, strict=True):
        if isinstance(sent, str):
            assert found == sent
        else:
            assert isinstance(found, File)
            assert (found._data, found.name) == sent


@given(TEXTS.map(lambda text: text + "\\"))
def test_a_name_that_would_escape_its_quote_is_refused(name: str) -> None:
    form = FormData.new()
    form.append(name, "x")
    with pytest.raises(JsException, match="can't end with backslash"):
        encode_multipart(form)


@given(st.lists(st.one_of(BYTES, st.sampled_from([b"--x", b"--", b"\r\n", b"\r\n\r\n", b'form-data; name="a"',
                                                 b"Content-Disposition: "])), max_size=12).map(b"".join))  # fmt: skip
def test_bytes_that_are_no_form_are_refused(data: bytes) -> None:
    with contextlib.suppress(JsException):
        decode_multipart(data, "x")


@given(st.one_of(TEXTS, TEXTS.map(lambda text: f"multipart/form-data; boundary={text}")))
def test_a_content_type_has_a_boundary_or_is_refused(content_type: str) -> None:
    with contextlib.suppress(JsException):
        decode_multipart(b"", boundary_of(content_type))


@settings(max_examples=400)
@given(URLISH, st.one_of(st.none(), st.just("https://b.test/c/d?e#f"), URLISH))
def test_a_url_is_its_own_normal_form(text: str, base: str | None) -> None:
    try:
        url = URL.new(text, base)
    except JsException as refused:
        assert refused.name == "TypeError"
        assert not URL.canParse(text, base)
        return
    assert URL.canParse(text, base)
    assert URL.new(url.href).href == url.href
    assert url.href.isascii()


@given(URLISH, st.sampled_from(["protocol", "username", "password", "host", "hostname", "port", "pathname", "search",
                                "hash"]), URLISH)  # fmt: skip
def test_a_part_that_does_not_fit_is_ignored(text: str, part: str, value: str) -> None:
    with contextlib.suppress(JsException):
        url = URL.new(text)
        setattr(url, part, value)
        assert URL.new(url.href).href == url.href


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_parameters_come_back_as_they_were(pairs: list) -> None:
    params = URLSearchParams.new([list(pair) for pair in pairs])
    assert [tuple(pair) for pair in URLSearchParams.new(str(params)).entries()] == pairs


@given(st.lists(st.tuples(st.one_of(TEXTS, st.sampled_from(["A", "a", "Set-Cookie"])), TEXTS), max_size=6))
def test_headers_take_a_pair_or_refuse_it_whole(pairs: list) -> None:
    headers, taken = Headers.new(), []
    for name, value in pairs:
        before = headers.header_pairs()
        try:
            headers.append(name, value)
        except JsException as refused:
            assert refused.name == "TypeError"
            assert headers.header_pairs() == before
        else:
            taken.append((name.lower(), value.strip(" \t\r\n")))
    for name in {name for name, _ in taken} - {"set-cookie"}:
        assert headers.get(name) == ", ".join(value for found, value in taken if found == name)
    names = [name for name, _ in headers.header_pairs()]
    assert names == sorted(names)
    assert not any(mark in value for _, value in headers.header_pairs() for mark in "\r\n\0")
