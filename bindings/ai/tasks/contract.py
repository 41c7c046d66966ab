"""What a task is, and what it makes of one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk, EngineRequest

__all__ = ["Dialect", "Job", "Task"]

#: `native`: inputs and answers as the model's own schemas have them. `openai` and `responses`: as OpenAI's older and
#: newer API have them, for any model.
Dialect = Literal["native", "openai", "responses"]


class Job(Protocol):
    """One call: what the engine is asked, and how its chunks become the answer."""

    @property
    def requests(self) -> Sequence[EngineRequest]:
        """The generations of this call, one for each choice that the caller wants; at least one."""
        ...

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> object:
        """The whole answer, ready for JSON. `choices` are the generations of `requests`, in the same order.

        Closes them on every way out. Raises JsonModeUnmet.
        """
        ...

    def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events. Closes the generations on every way out."""
        ...


class Task(Protocol):
    """Translates one task. Holds no state: the same adapter serves every model of its task."""

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError and its children."""
        ...
