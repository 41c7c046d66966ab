"""Image to text: a picture and a question in, a description out.

Source: the model file of llava-1.5-7b-hf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Describing, Written
from paddock.bindings.ai.files import file_bytes
from paddock.bindings.ai.tasks.contract import NO_SAMPLING, Whole, finished
from paddock.bindings.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk
    from paddock.bindings.ai.tasks.contract import Dialect, Job

__all__ = ["ImageToText", "Inputs"]

#: What is asked where the caller asks nothing; production does not say what it asks.
_QUESTION: Final = "Describe this image."


class Inputs(msgspec.Struct):
    """All inputs that Paddock reads; others are ignored, as production ignores them."""

    image: bytes
    prompt: str | None = None
    raw: bool | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=2**31)] = 512
    temperature: Annotated[float, Meta(ge=0)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class ImageToText:
    """Adapter of the task `Image-to-Text`."""

    runner: Final = "generate"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        known = {name: value for name, value in inputs.items() if value is not None}
        try:
            given = msgspec.convert(known | {"image": file_bytes("image", known.get("image"))}, Inputs, strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"Error: {error}") from error
        work = Describing(
            given.image,
            given.prompt or _QUESTION,
            is_raw=bool(given.raw),
            max_tokens=given.max_tokens,
            temperature=given.temperature,
            seed=given.seed,
        )
        return _Description(EngineRequest(NO_SAMPLING, work=work, is_whole=True))


class _Description(Whole):
    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """`{"description": text}`."""
        written, _ = await finished(choices, Written)
        return {"description": written.text}
