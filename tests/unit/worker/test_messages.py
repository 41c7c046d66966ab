import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddock.worker.channel import BodyBroken, frame
from paddock.worker.messages import Close, Failure, Message, MessageBuffer, encode

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_CODE = st.integers(0, 65535)
_MESSAGES = st.lists(
    st.one_of(_TEXT, st.binary(), st.builds(Close, _CODE, _TEXT), st.builds(Failure, _CODE, _TEXT)), max_size=5
)


@given(_MESSAGES, st.integers(1, 40))
def test_messages_survive_any_cut_of_their_bytes(messages: list[Message], size: int) -> None:
    data, buffer = b"".join(encode(message) for message in messages), MessageBuffer()
    got = [message for start in range(0, len(data), size) for message in buffer.feed(data[start : start + size])]
    assert got == messages
    assert [type(message) for message in got] == [type(message) for message in messages]


@given(st.binary(min_size=1))
def test_any_bytes_are_messages_or_a_broken_body(data: bytes) -> None:
    try:
        for message in MessageBuffer().feed(data):
            assert isinstance(message, str | bytes | Close | Failure)
    except BodyBroken:
        pass


@pytest.mark.parametrize("payload", [b"", b"\x01\xff", b"\x08\x03", b"\x07abc", b"\x08\x03\xe8\xff"])
def test_what_is_no_message_breaks_the_body_off(payload: bytes) -> None:
    with pytest.raises(BodyBroken, match="expected WebSocket messages"):
        list(MessageBuffer().feed(frame(payload)))
