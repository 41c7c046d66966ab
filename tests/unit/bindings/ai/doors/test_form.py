import pytest

from paddock.bindings.ai.doors.form import Part, is_form, read_form
from paddock.bindings.errors import IncompleteRequest, InputError

FORM = 'multipart/form-data; boundary="x y"'


def body(*parts: bytes) -> bytes:
    return b"".join(b"--x y\r\n" + part + b"\r\n" for part in parts) + b"--x y--\r\n"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b'Content-Disposition: form-data; name="a"\r\n\r\n1', Part("a", None, "", b"1")),
        (b"content-disposition:form-data;name=a\r\n\r\n", Part("a", None, "", b"")),
        (
            b'Content-Type: text/html; x=y\r\nContent-Disposition: form-data; name="f"; filename="a;b"\r\n\r\n\r\n',
            Part("f", "a;b", "text/html; x=y", b"\r\n"),
        ),
        (
            'Content-Disposition: form-data; name="f"; filename="é.txt"\r\n\r\nx'.encode(),
            Part("f", "é.txt", "", b"x"),
        ),
        (
            b"Content-Disposition: form-data; name=f; filename*=utf-8''%C3%A9.txt\r\n\r\nx",
            Part("f", "é.txt", "", b"x"),
        ),
        (b'Content-Disposition: form-data; name="f"; filename=""\r\n\r\n--x', Part("f", "", "", b"--x")),
    ],
)
def test_a_part(part: bytes, expected: Part) -> None:
    assert read_form(FORM, body(part)) == [expected]


def test_parts_keep_their_order_and_names_may_repeat() -> None:
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{name}'.encode() for name in "aba"]
    assert [part.name for part in read_form(FORM, b"preamble\r\n" + body(*parts))] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("content_type", "expected"), [(FORM, True), ("Multipart/Form-Data", True), ("text/html", False)]
)
def test_a_form_is_known_by_its_type(content_type: str, expected: bool) -> None:
    assert is_form(content_type) is expected


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("multipart/form-data", b"--x--"),
        ("text/plain; boundary=x", b"--x--"),
        (FORM, b""),
        (FORM, b"--x y\r\nContent-Disposition: form-data; name=a\r\n\r\n1"),
        (FORM, body(b"no head")),
        (FORM, body(b"Content-Disposition: form-data\r\n\r\n1")),
        (FORM, body(b"Content-Disposition: attachment; name=a\r\n\r\n1")),
    ],
)
def test_a_malformed_form_is_refused(content_type: str, data: bytes) -> None:
    with pytest.raises(InputError):
        read_form(content_type, data)


def test_a_type_is_needed() -> None:
    with pytest.raises(IncompleteRequest):
        is_form("")
