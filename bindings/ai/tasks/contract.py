"""What a task is, and what it makes of one call."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

from paddock.bindings.ai.engines.protocol import SamplingParams
from paddock.bindings.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk, EngineRequest
    from paddock.bindings.ai.engines.settings import Runner

__all__ = ["NO_SAMPLING", "Dialect", "Job", "Task", "Whole", "finished"]

_Kind = TypeVar("_Kind")

#: For work that draws no tokens.
NO_SAMPLING: Final = SamplingParams(max_tokens=0)

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
        """The answer as server-sent events. Closes the generations on every way out.

        Not called where the requests are whole.
        """
        ...


class Task(Protocol):
    """Translates one task. Holds no state: the same adapter serves every model of its task."""

    @property
    def runner(self) -> Runner:
        """What a host on this machine does with a model of the task."""
        ...

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError and its children."""
        ...


class Whole:
    """The half of a job that gives its answer in one piece, whatever an input `stream` says: production ignores it."""

    def __init__(self, request: EngineRequest) -> None:
        self.requests = (request,)

    def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """Never called: the request is whole."""
        raise TypeError(f"{type(self).__name__} has no stream")


async def finished(choices: Sequence[AsyncGenerator[EngineChunk, None]], kind: type[_Kind]) -> tuple[_Kind, int]:
    """What the one request's work came to, and the tokens that were read for it. Closes the generation."""
    (chunks,) = choices
    result, prompt_tokens = None, 0
    async with aclosing(chunks):
        async for chunk in chunks:
            result, prompt_tokens = chunk.result or result, chunk.prompt_tokens or prompt_tokens
    if not isinstance(result, kind):
        raise EngineError(f"expected the engine to answer with {kind.__name__}; got {type(result).__name__}")
    return result, prompt_tokens
