"""Texts to the shares of labels on vLLM's server.

Its answer names the likeliest label of each text and numbers the others. Their names are those of the model's file,
which the one that is named has to bear out.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from paddock.bindings.ai.engines.protocol import EngineChunk
from paddock.bindings.ai.engines.remote.rows import Usage, in_order
from paddock.bindings.ai.engines.work import Pooled
from paddock.bindings.errors import EngineUnavailable, OptionUnsupported

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.remote.settings import RemoteSettings
    from paddock.bindings.ai.engines.work import Pooling

__all__ = ["Judging"]


class _Row(msgspec.Struct):
    index: int
    probs: list[float]
    label: str | None = None


class _Answer(msgspec.Struct):
    data: list[_Row]
    usage: Usage = msgspec.field(default_factory=Usage)


class Judging:
    """As `asking.Asking`."""

    path = "/classify"
    deed = "classify texts"

    def __init__(self, work: Pooling, settings: RemoteSettings) -> None:
        self._work = work
        self._settings = settings

    def body(self, model: str) -> bytes:
        body: dict[str, Any] = {"model": model, "input": self._work.texts, "use_activation": True}
        if self._work.is_truncated:
            body["truncate_prompt_tokens"] = -1  # to the model's own length
        return msgspec.json.encode(body)

    def read(self, content: bytes, url: str) -> EngineChunk:
        """Raises, besides, OptionUnsupported where nothing tells the names of the labels."""
        try:
            answer = msgspec.json.decode(content, type=_Answer)
            rows = in_order(answer.data, len(self._work.texts), url)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise EngineUnavailable(f"{url} answers in another form than vLLM's server: {error}") from error
        columns = len(rows[0].probs)
        if not columns or any(len(row.probs) != columns for row in rows):
            raise EngineUnavailable(f"{url} answers with {', '.join(str(len(row.probs)) for row in rows)} labels")
        labels = self._labels(rows, columns, url)
        data = b"".join(array("f", row.probs).tobytes() for row in rows)
        return EngineChunk("", 0, "stop", answer.usage.prompt_tokens, result=Pooled(len(rows), columns, data, labels))

    def _labels(self, rows: list[_Row], columns: int, url: str) -> tuple[str, ...]:
        known = self._settings.labels
        named = {max(range(columns), key=row.probs.__getitem__): row.label for row in rows}
        if not known:
            # What checkpoints without names have, and what an answer without names means.
            known = tuple(f"LABEL_{at}" for at in range(columns))
            if any(label not in (None, known[at]) for at, label in named.items()):
                raise OptionUnsupported(
                    f"{self._settings.model}: {url} names the likeliest label alone, "
                    f"{', '.join(map(repr, named.values()))}, and nothing tells the others",
                    hint='Name them in the model\'s file, in order: "paddock": {"labels": [...]}.',
                )
        elif len(known) != columns or any(label not in (None, known[at]) for at, label in named.items()):
            raise EngineUnavailable(
                f"{url} judges by {columns} labels and names {', '.join(map(repr, named.values()))}; "
                f"expected {', '.join(known)}, as the file of {self._settings.model} says.",
                hint="Serve the weights that the model's file is about, or name its labels there, in order.",
            )
        return known
