import pytest

from paddock.bindings.errors import JsonModeUnmet

LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
JSON = {"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}}


def test_collected_text_and_streamed_text_are_equal(job_of, collect, frames) -> None:
    """WA-048, WA-049, WA-058, WA-060: a token that is a number is a string too."""
    pieces = [" Hel", "", "lo ", "1"]
    collected = collect(job_of(LLAMA, {"prompt": "x"}), pieces)
    streamed = frames(job_of(LLAMA, {"prompt": "x"}), pieces)
    usage = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
    assert "".join(frame["response"] for frame in streamed) == collected["response"] == " Hello 1"
    assert streamed[-1]["usage"] == collected["usage"] == usage


def test_a_stream_ends_with_usage_and_done_in_one_write(job_of, events) -> None:
    """WA-057, WA-059"""
    last = events(job_of(LLAMA, {"prompt": "x"}), ["a", "b"])[-1]
    assert last.endswith(b"data: [DONE]\n\n")
    assert b'"usage"' in last


@pytest.mark.parametrize("model", [LLAMA, "@cf/google/gemma-4-26b-a4b-it"])
@pytest.mark.parametrize(("options", "is_padded"), [(None, True), ({}, True), ({"include_obfuscation": False}, False)])
def test_padding_is_ascii_and_can_be_switched_off(job_of, frames, model: str, options, is_padded: bool) -> None:
    """WA-061: in the frames that have text, in either shape."""
    inputs = {"messages": [{"role": "user", "content": "x"}], "stream": True, "stream_options": options}
    pieces = frames(job_of(model, inputs), ["a", "b"])
    said = [frame for frame in pieces if frame.get("response") or frame.get("choices")]
    assert len(said) >= 2
    assert [frame.get("p", "").isascii() and bool(frame.get("p")) for frame in said] == [is_padded] * len(said)


def test_json_mode_answers_with_the_document_itself(job_of, collect) -> None:
    """WA-071"""
    assert collect(job_of("@cf/test/json-mode", JSON), ['{"a"', ": [1]}"])["response"] == {"a": [1]}


def test_a_document_that_was_cut_is_no_answer(job_of, collect) -> None:
    """WA-075"""
    with pytest.raises(JsonModeUnmet, match="JSON Model couldn't be met") as caught:
        collect(job_of("@cf/test/json-mode", JSON), ['{"a"'], finish="length")
    assert caught.value.internal_code == 5024
    assert "max_tokens" in caught.value.hint
