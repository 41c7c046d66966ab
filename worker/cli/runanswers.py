"""How `paddock ai run` prints an answer, by what is in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["print_answer", "print_events", "print_json"]

#: Members that are the whole point of their answers.
_TEXTS: Final = ("text", "translated_text", "summary", "description")
#: Of a vector.
_SHOWN: Final = 4


def print_answer(result: Any, inputs: Mapping[str, Any]) -> None:
    """Text as text, vectors by their shape and first numbers, scores beside what they judge; JSON for the rest."""
    body = result if isinstance(result, dict) else {}
    text = next((body[name] for name in _TEXTS if isinstance(body.get(name), str)), None)
    rows = result if isinstance(result, list) else body.get("response")
    if text is not None:
        print(text)
    elif "shape" in body:
        _print_vectors(body)
    elif isinstance(rows, list) and rows and all(isinstance(row, dict) and "score" in row for row in rows):
        _print_scores(rows, inputs)
    else:
        print_json(result)


def print_json(value: object) -> None:
    """The whole value, indented."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_events(lines: Iterable[str]) -> None:
    """The text of a stream as it comes, in either shape, and below it the calls of tools.

    What the model thinks goes to standard error. Of several answers, each begins on a line of its own.
    """
    import msgspec

    answer = _Streamed()
    for line in lines:
        if line.startswith("data: {"):
            answer.add(msgspec.json.decode(line.removeprefix("data: ")))
    answer.end()


class _Streamed:
    """What a stream has written on the terminal, and what is still to come below it."""

    def __init__(self) -> None:
        self._choice = 0
        self._is_thinking = False
        self._has_text = False
        #: By their numbers; names and arguments come in pieces.
        self._calls: dict[int, str] = {}

    def add(self, frame: Mapping[str, Any]) -> None:
        """Write what this event has, where it follows what is there."""
        (choice,) = frame.get("choices") or [{}]
        if choice.get("index", self._choice) != self._choice:
            self.end()
            self._choice = choice["index"]
        delta = choice.get("delta") or frame
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            self._is_thinking = True
            print(thought, end="", file=sys.stderr, flush=True)
        if text := delta.get("content") or delta.get("response") or choice.get("text"):
            self._end_thoughts()
            self._has_text = True
            print(text, end="", flush=True)
        for call in delta.get("tool_calls") or ():
            made = call["function"]
            begun = self._calls.get(call["index"]) or f"{made['name']}("
            self._calls[call["index"]] = begun + made["arguments"]

    def end(self) -> None:
        """Finish the answer: its last line, then a line for each call. Another answer may follow."""
        self._end_thoughts()
        if self._has_text or not self._calls:
            print()
        for call in self._calls.values():
            print(f"{call})")
        self._calls.clear()
        self._has_text = False

    def _end_thoughts(self) -> None:
        if self._is_thinking:
            print(file=sys.stderr, flush=True)
        self._is_thinking = False


def _print_vectors(body: Mapping[str, Any]) -> None:
    pooling = f", pooling {body['pooling']}" if "pooling" in body else ""
    print(f"shape {body['shape']}{pooling}")
    for vector in body.get("data") or body.get("response") or ():
        shown = ", ".join(f"{number:.4f}" for number in vector[:_SHOWN])
        print(f"[{shown}{', ...' if len(vector) > _SHOWN else ''}]")


def _print_scores(rows: list[dict[str, Any]], inputs: Mapping[str, Any]) -> None:
    """Labels as the model has them; contexts by their texts, which the answer names by their places alone."""
    for row in rows:
        judged = row.get("label") or inputs["contexts"][row["id"]]["text"]
        print(f"{row['score']:.4f}  {judged}")
