"""One adapter per task: Cloudflare's inputs and outputs on one side, engine requests and chunks on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from paddock.bindings.ai.tasks.text_generation import TextGeneration

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk, EngineRequest

__all__ = ["TASKS", "Task"]


class Task(Protocol):
    """Translates one task. Holds no state: the same adapter serves every model of its task."""

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None) -> EngineRequest:
        """The engine request for checked inputs. Raises InputError."""
        ...

    async def collect(self, chunks: AsyncGenerator[EngineChunk, None]) -> object:
        """The whole answer, ready for JSON."""
        ...

    def stream(self, chunks: AsyncGenerator[EngineChunk, None]) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events."""
        ...


#: Task name, as in the catalog, to its adapter. A task that is missing here is refused before any work.
TASKS: Final[dict[str, Task]] = {"Text Generation": TextGeneration()}
