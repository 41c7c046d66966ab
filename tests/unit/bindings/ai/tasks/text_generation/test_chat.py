import pytest

from paddock.bindings.errors import JsonModeUnmet

CHAT = "@cf/test/chat"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
USER = {"messages": [{"role": "user", "content": "x"}]}


def test_a_chat_model_answers_with_choices_and_no_response(job_of, collect) -> None:
    """WA-052"""
    answer = collect(job_of(CHAT, USER), ["Hel", "lo"])
    (choice,) = answer["choices"]
    assert (answer["object"], answer["model"], "response" in answer) == ("chat.completion", CHAT, False)
    assert (choice["message"]["role"], choice["message"]["content"], choice["finish_reason"]) == (
        "assistant",
        "Hello",
        "stop",
    )
    assert answer["usage"]["total_tokens"] == 9


def test_a_prompt_is_answered_with_a_text_completion(job_of, collect, frames) -> None:
    """WA-053"""
    answer = collect(job_of(CHAT, {"prompt": "x"}), ["Hel", "lo"])
    assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "Hello")
    streamed = frames(job_of(LLAMA, {"prompt": "x"}, "openai"), ["Hel", "lo"])
    assert "".join(frame["choices"][0]["text"] for frame in streamed) == "Hello"
    assert {frame["object"] for frame in streamed} == {"text_completion"}


def test_a_cut_answer_says_so(job_of, collect) -> None:
    """WA-054"""
    assert collect(job_of(CHAT, USER), ["a"], finish="length")["choices"][0]["finish_reason"] == "length"


def test_a_chat_models_stream_has_productions_frames(job_of, frames) -> None:
    """WA-067, WA-068"""
    role, one, two, finish, usage, native = frames(job_of(CHAT, USER), ["Hel", "lo"])
    assert [frame["choices"][0]["index"] for frame in (role, one, two, finish)] == [0, 0, 0, 0]
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert one["choices"][0]["delta"]["content"] + two["choices"][0]["delta"]["content"] == "Hello"
    assert (finish["choices"][0]["delta"], finish["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 9)
    assert native == {"response": "", "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}}


@pytest.mark.parametrize(("asked", "endings"), [({}, 0), ({"stream_options": {"include_usage": True}}, 1)])
def test_an_openai_stream_counts_tokens_only_where_that_was_asked(job_of, frames, asked, endings) -> None:
    streamed = frames(job_of(LLAMA, {**USER, **asked}, "openai"), ["a"])
    assert len([frame for frame in streamed if "usage" in frame]) == endings
    assert all("choices" in frame and "p" not in frame for frame in streamed)


def test_choices_are_told_apart_by_index_and_share_the_prompt(job_of, collect, frames) -> None:
    answer = collect(job_of(CHAT, {**USER, "n": 2}), ["a"], ["b", "c"])
    assert [(one["index"], one["message"]["content"]) for one in answer["choices"]] == [(0, "a"), (1, "bc")]
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (7, 3)
    streamed = frames(job_of(CHAT, {**USER, "n": 2}), ["a"], ["b"])
    finished = [one["index"] for frame in streamed for one in frame.get("choices", []) if one["finish_reason"]]
    assert finished == [0, 1]


def test_log_probabilities_are_shown_with_as_many_alternatives_as_asked(job_of, collect) -> None:
    (choice,) = collect(job_of(CHAT, {**USER, "logprobs": True, "top_logprobs": 1}), ["é"])["choices"]
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    assert choice["logprobs"]["content"] == [token | {"top_logprobs": [token]}]


def test_log_probabilities_of_a_prompt_are_lists(job_of, collect) -> None:
    (choice,) = collect(job_of(CHAT, {"prompt": "x", "logprobs": 2}), ["ab", "c"])["choices"]
    assert choice["logprobs"]["tokens"] == ["ab", "c"]
    assert choice["logprobs"]["text_offset"] == [0, 2]
    assert choice["logprobs"]["top_logprobs"][1] == {"c": -0.5, "x": -1.0}


def test_json_mode_is_text_that_is_a_document_or_an_error(job_of, collect) -> None:
    inputs = {**USER, "response_format": {"type": "json_object"}}
    answer = collect(job_of(LLAMA, inputs, "openai"), ['{"a":', " 1}"])
    assert answer["choices"][0]["message"]["content"] == '{"a": 1}'
    with pytest.raises(JsonModeUnmet):
        collect(job_of(LLAMA, inputs, "openai"), ['{"a":'], finish="length")
