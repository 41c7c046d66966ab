"""Translation and summarization: a text in, a text out.

Source: the model files of m2m100-1.2b and bart-large-cnn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Rewriting, Written
from paddock.bindings.ai.tasks.contract import NO_SAMPLING, Whole, finished
from paddock.bindings.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk
    from paddock.bindings.ai.tasks.contract import Dialect, Job

__all__ = ["Summarization", "SummaryInputs", "Translation", "TranslationInputs"]

_Kind = TypeVar("_Kind")


class TranslationInputs(msgspec.Struct):
    """All inputs of translation that Paddock reads; others are ignored, as production ignores them."""

    text: str
    target_lang: str
    source_lang: str = "en"


class SummaryInputs(msgspec.Struct):
    """All inputs of summarization that Paddock reads."""

    input_text: str
    max_length: int | None = None


class Translation:
    """Adapter of the task `Translation`."""

    runner: Final = "generate"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        given = _typed(inputs, TranslationInputs)
        return _job(Rewriting(given.text, source=given.source_lang, target=given.target_lang), "translated_text")


class Summarization:
    """Adapter of the task `Summarization`."""

    runner: Final = "generate"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        given = _typed(inputs, SummaryInputs)
        if given.max_length is not None and given.max_length < 1:
            raise InputError(f"Error: max_length: expected a number of tokens above 0; got {given.max_length}")
        return _job(Rewriting(given.input_text, max_tokens=given.max_length), "summary")


def _typed(inputs: Mapping[str, object], kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(inputs, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error


def _job(work: Rewriting, name: str) -> Job:
    return _Rewritten(EngineRequest(NO_SAMPLING, work=work, is_whole=True), name)


class _Rewritten(Whole):
    def __init__(self, request: EngineRequest, name: str) -> None:
        super().__init__(request)
        self._name = name

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """The text under its task's name."""
        written, _ = await finished(choices, Written)
        return {self._name: written.text}
