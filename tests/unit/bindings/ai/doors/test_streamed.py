import types

import pytest

from paddock.bindings.ai.doors.streamed import read_inputs
from paddock.bindings.errors import IncompleteRequest, InputError, OptionUnsupported

BYTES = {"type": "array", "items": {"type": "number"}}
AUDIO = {"type": "object", "properties": {"language": {"type": "string"}, "audio": BYTES}}
FORM = "multipart/form-data; boundary=xyz"


def card(schema: dict[str, object]):
    return types.SimpleNamespace(name="@cf/x/y", input_schema=schema)


@pytest.mark.parametrize(
    "schema",
    [
        AUDIO,
        {"oneOf": [{"type": "string", "format": "binary"}, AUDIO]},
        {"properties": {"audio": {"oneOf": [{"type": "string"}, BYTES]}}},
    ],
    ids=["plain", "in a branch", "one of two forms"],
)
def test_the_stream_is_the_input_that_the_schema_declares_as_numbers(schema: dict[str, object]) -> None:
    """WA-100"""
    inputs = read_inputs(card(schema), '{"language":"en"}', "audio/wav", b"\x00\xff")
    assert inputs == {"language": "en", "audio": b"\x00\xff"}


def test_a_model_that_takes_no_bytes_says_so() -> None:
    with pytest.raises(OptionUnsupported, match="@cf/x/y takes no stream"):
        read_inputs(card({"properties": {"prompt": {"type": "string"}}}), "{}", "audio/wav", b"x")


def test_a_form_is_taken_apart() -> None:
    """WA-101"""
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nh\xc3\xa9\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        b"\x00\r\n\xff\r\n--xyz--\r\n"
    )
    inputs = read_inputs(card({}), '{"steps":4}', FORM, body)
    assert inputs == {"steps": 4, "prompt": "hé", "image": b"\x00\r\n\xff"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--xyz--"),
        (FORM, b""),
        (FORM, b"--xyz\r\n\r\nx"),
        (FORM, b"--xyz\r\n\r\nx\r\n--xyz--"),
        (FORM, b"--xyz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xyz--"),
    ],
)
def test_a_malformed_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(InputError):
        read_inputs(card({}), "{}", content_type, body)


@pytest.mark.parametrize("text", ["[1]", "{", "null"])
def test_other_inputs_that_are_no_object_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_inputs(card(AUDIO), text, "audio/wav", b"x")


def test_a_stream_needs_a_content_type() -> None:
    with pytest.raises(IncompleteRequest):
        read_inputs(card(AUDIO), "{}", "", b"x")
