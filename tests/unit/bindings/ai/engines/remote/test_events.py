"""Server-sent events, however the network cuts them."""

import pytest

from paddock.bindings.ai.engines.remote.events import EventReader, EventTooLarge

STREAM = 'data: {"a": "é"}\n\n: a comment\n\nevent: x\ndata:one\ndata: two\nid: 7\n\ndata\n\ndata: [DONE]\n\n'.encode()
DATA = ['{"a": "é"}'.encode(), b"one\ntwo", b"", b"[DONE]"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_data_comes_out_whole_wherever_it_is_cut(size: int, line_end: bytes) -> None:
    reader, stream = EventReader(), STREAM.replace(b"\n", line_end)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    found = [data for piece in [*pieces, b": end\n"] for data in reader.feed(piece)]
    assert found == DATA


def test_an_event_that_is_not_over_gives_nothing() -> None:
    assert EventReader().feed(b'data: {"a": 1}\n') == []


def test_a_stream_without_events_is_refused() -> None:
    reader = EventReader()
    with pytest.raises(EventTooLarge):
        for _ in range(9):
            reader.feed(b"x" * 1_000_000)
