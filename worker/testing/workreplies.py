"""Scripted answers of models that make no conversation: vectors, scores, labels, transcripts, texts, descriptions.

An answer becomes what an engine would have said, and the task's own code shapes it: so counts, subtitles, `shape` and
`top_k` agree with it, and both of an embedding's forms, Cloudflare's and OpenAI's, come from one reply.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from paddock.bindings.ai.engines.work import (
    Describing,
    Heard,
    Listening,
    Pooled,
    Pooling,
    Rewriting,
    Segment,
    Word,
    Written,
)
from paddock.worker.testing.replies import Reply, UnfitAnswer

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.worker.testing.replies import Answer, Asked

__all__ = ["work_reply"]

#: Of a word whose times the test does not give.
_WORD_S: Final = 0.5
_SEGMENT: Final = {"avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0}


def work_reply(answer: Answer, asked: Asked) -> Reply:
    """The reply that an answer stands for. Raises UnfitAnswer."""
    work = asked.request.work
    match work:
        case Listening():
            return _heard(answer, work, asked.card)
        case Rewriting(target=target):
            return _written(answer, "summary" if target is None else "translated_text")
        case Describing():
            return _written(answer, "description")
        case Pooling(kind="embed"):
            return _embedded(answer, work, asked)
        case Pooling(query=None):
            return _labelled(answer)
        case Pooling():
            return _ranked(answer, work, asked)
    raise AssertionError("a request without work is a generation")


def _written(answer: Answer, member: str) -> Reply:
    text = answer.get(member) if isinstance(answer, Mapping) else answer
    if not isinstance(text, str) or (isinstance(answer, Mapping) and len(answer) > 1):
        raise UnfitAnswer(f"expected a text, or an object with {member}; got {_shown(answer)}")
    return Reply(result=Written(text))


def _embedded(answer: Answer, work: Pooling, asked: Asked) -> Reply:
    """Vectors of any one length; one alone may stand without its list. With a query and contexts: scores."""
    given = answer if isinstance(answer, Mapping) else {}
    rows: Any = given.get("data", given.get("response")) if given else answer
    texts = len(work.texts)
    inputs = asked.call.inputs
    if inputs.get("query") is not None and asked.card.declares_input("contexts"):
        # The score of a context is its vector's product with that of the query, which comes first.
        return _pooled([[1.0], *([score] for score in _scores(rows, texts - 1, None))], answer)
    if _is_numbers(rows):
        rows = [rows]
    is_list = isinstance(rows, Sequence) and not isinstance(rows, str)
    if not is_list or not all(_is_numbers(row) for row in rows) or len({len(row) for row in rows}) > 1:
        raise UnfitAnswer(f"expected a list of vectors of one length, or an object with it; got {_shown(answer)}")
    if len(rows) != texts:
        raise UnfitAnswer(f"expected {texts} vectors, one for each text; got {len(rows)}")
    _check_members(given, asked.card, shape=[len(rows), len(rows[0])], pooling=work.pooling)
    return _pooled(rows, answer)


def _ranked(answer: Answer, work: Pooling, asked: Asked) -> Reply:
    rows = answer.get("response") if isinstance(answer, Mapping) else answer
    top_k = asked.call.inputs.get("top_k")
    return _pooled([[score] for score in _scores(rows, len(work.texts), top_k)], answer)


def _labelled(answer: Answer) -> Reply:
    is_list = isinstance(answer, Sequence) and not isinstance(answer, str)
    rows: Any = answer if is_list else ()
    if not rows or not all(_is_scored(one, "label", str) for one in rows):
        raise UnfitAnswer(f"expected a list of objects with label and score; got {_shown(answer)}")
    return _pooled([[one["score"] for one in rows]], answer, tuple(one["label"] for one in rows))


def _scores(rows: Any, count: int, top_k: object) -> list[float]:
    """A score for each context. Of a call that wants the best alone, the others may be left out: they rank below."""
    if _is_numbers(rows) and len(rows) == count:
        return list(rows)
    is_list = isinstance(rows, Sequence) and not isinstance(rows, str)
    if not is_list or not all(_is_scored(one, "id", int) for one in rows):
        raise UnfitAnswer(f"expected {count} scores, or a list of objects with id and score; got {_shown(rows)}")
    scored: dict[int, float] = {one["id"]: one["score"] for one in rows}
    least = min(count, top_k) if isinstance(top_k, int) else count
    if not scored.keys() <= set(range(count)) or len(scored) < least:
        raise UnfitAnswer(f"expected scores of {least} of the {count} contexts; got those of {sorted(scored)}")
    lowest = min(scored.values(), default=0.0)
    return [scored.get(id, lowest - 1) for id in range(count)]


def _heard(answer: Answer, work: Listening, card: ModelCard) -> Reply:
    """A text is spoken a word each half second, unless the answer has the words, with their times."""
    given: Mapping[str, Any] = {"text": answer} if isinstance(answer, str) else {}
    if isinstance(answer, Mapping):
        given = answer
    if not given.keys() & {"text", "words", "segments"}:
        raise UnfitAnswer(f"expected a text, or an object with text, words or segments; got {_shown(answer)}")
    _check_members(given, card)
    if given is answer:
        _check_types(given, card)
    segments = tuple(_segment(one) for one in given.get("segments") or ())
    if not segments:
        text = str(given.get("text") or " ".join(one["word"] for one in given.get("words") or ()))
        timed = [(word, at * _WORD_S, (at + 1) * _WORD_S) for at, word in enumerate(text.split())]
        if given.get("words"):
            timed = [(one["word"], one["start"], one["end"]) for one in given["words"]]
        words = tuple(Word(*one) for one in timed)
        segments = (Segment(0.0, words[-1].end, text, 0.0, 1.0, 0.0, words),) if words else ()
    duration_s = segments[-1].end if segments else 0.0
    heard = Heard(work.language or "en", 1.0, duration_s, segments)
    # What the test gives stays as it is; what it does not is made of it.
    return Reply(result=heard, settle=lambda made: {**made, **given} if isinstance(made, dict) else made)


def _segment(one: Mapping[str, Any]) -> Segment:
    words = tuple(Word(word["word"], word["start"], word["end"]) for word in one.get("words") or ())
    numbers = {name: float(one.get(name, default)) for name, default in _SEGMENT.items()}
    return Segment(
        float(one.get("start", 0)), float(one.get("end", 0)), str(one.get("text", "")), **numbers, words=words
    )


def _pooled(rows: Sequence[Sequence[float]], answer: Answer, labels: tuple[str, ...] = ()) -> Reply:
    """The rows as an engine gives them, in single precision; a call's answer has the test's own numbers again."""
    numbers = [float(number) for row in rows for number in row]
    try:
        data = struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError as error:
        raise UnfitAnswer(f"expected numbers of single precision; got {_shown(answer)}") from error
    exact = {single: number for (single,), number in zip(struct.iter_unpack("<f", data), numbers, strict=True)}
    result = Pooled(len(rows), len(rows[0]) if rows else 0, data, labels)
    return Reply(result=result, settle=lambda made: _restored(made, exact))


def _restored(value: Any, exact: Mapping[float, float]) -> Any:
    match value:
        case float():
            return exact.get(value, value)
        case list():
            return [_restored(one, exact) for one in value]
        case dict():
            return {name: _restored(one, exact) for name, one in value.items()}
    return value


def _check_members(given: Mapping[str, Any], card: ModelCard, **made: object) -> None:
    """Refuse members that the model's own output does not have, and those that contradict the others."""
    for name, value in given.items():
        if not card.declares_output(name):
            raise UnfitAnswer(f"its output has no {name}")
        if name in made and value != made[name]:
            raise UnfitAnswer(f"{name}: expected {made[name]!r}, by the rest of it; got {value!r}")


def _check_types(given: Mapping[str, Any], card: ModelCard) -> None:
    """Refuse members that are not as the model's output schema has them."""
    import jsonschema  # few tests come here, and it takes as long to import as all else that they need

    for name, value in given.items():
        try:
            jsonschema.validate(value, card.output_properties[name])
        except jsonschema.ValidationError as error:
            raise UnfitAnswer(f"{name}{error.json_path.removeprefix('$')}: {error.message}") from error


def _is_numbers(value: object) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and bool(value) and all(_is_number(one) for one in value)  # type: ignore[attr-defined]  # a list


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scored(one: object, name: str, kind: type) -> bool:
    return isinstance(one, Mapping) and isinstance(one.get(name), kind) and _is_number(one.get("score"))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
