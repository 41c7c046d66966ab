import json

from paddock.bindings.ai import sse


def test_an_event_is_one_data_line_and_two_newlines() -> None:
    """WA-056"""
    frame = sse.native_frame('say "hi"\n', 0)
    assert frame.startswith(b"data: {")
    assert frame.endswith(b"}\n\n")
    assert frame.count(b"\n") == 2
    assert json.loads(frame[6:])["response"] == 'say "hi"\n'


def test_padding_is_ascii_varies_in_length_and_repeats_with_the_answer() -> None:
    frames = [sse.native_frame("word", index) for index in range(40)]
    paddings = [json.loads(frame[6:])["p"] for frame in frames]
    assert all(padding.isascii() and 1 <= len(padding) <= 48 for padding in paddings)
    assert len({len(padding) for padding in paddings}) > 10
    assert frames == [sse.native_frame("word", index) for index in range(40)]


def test_a_frame_goes_without_padding() -> None:
    assert sse.native_frame("a", 3, is_padded=False) == b'data: {"response":"a"}\n\n'


def test_the_usage_frame_has_no_text_and_no_padding() -> None:
    """WA-059"""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert json.loads(sse.usage_frame(usage)[6:]) == {"response": "", "usage": usage}
