"""What a server is asked for work that is no generation, and what its answer comes to: the one table of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from paddock.bindings.ai.engines.remote.hearing import Hearing
from paddock.bindings.ai.engines.remote.judging import Judging
from paddock.bindings.ai.engines.remote.pooling import Reading
from paddock.bindings.ai.engines.remote.refusals import context_numbers, is_over_context
from paddock.bindings.ai.engines.work import Describing, Listening, Pooling, Rewriting
from paddock.bindings.errors import EngineUnavailable, OptionUnsupported, RequestTooLarge, TextTooLong

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import EngineChunk
    from paddock.bindings.ai.engines.remote.http import Upload
    from paddock.bindings.ai.engines.remote.refusals import ServerError
    from paddock.bindings.ai.engines.remote.served import Served
    from paddock.bindings.ai.engines.remote.settings import RemoteSettings
    from paddock.bindings.ai.engines.work import Work
    from paddock.bindings.errors import PaddockError

__all__ = ["Asking", "asking", "work_refusal"]


class Asking(Protocol):
    """One piece of work, as a server's route takes it."""

    #: Below the server's address.
    path: str
    #: What the model must do, for people: "classify texts".
    deed: str

    def body(self, model: str) -> bytes | Upload:
        """The request for the server's name of the model. Raises InputError for what this model does not do."""
        ...

    def read(self, content: bytes, url: str) -> EngineChunk:
        """The one chunk of an answer. Raises EngineUnavailable for an answer of another form."""
        ...


def asking(work: Work, settings: RemoteSettings) -> Asking:
    """How servers are asked for this work. Raises OptionUnsupported for work that no server of vLLM's does."""
    match work:
        case Pooling("classify", query=None):
            return Judging(work, settings)
        case Pooling():
            return Reading(work)
        case Listening():
            return Hearing(work, settings)
        case Rewriting(target=None):
            deed = "summarize"
        case Rewriting():
            deed = "translate"
        case Describing():
            deed = "describe pictures by a prompt"
    raise OptionUnsupported(
        f"{settings.model}: servers on other machines do not {deed}; run the model on this machine",
        hint=f'Take "engine" out of [paddock.models."{settings.model}"], or kind = "remote" out of [paddock.engine].',
    )


def work_refusal(
    error: ServerError, asked: Asking, url: str, served: Served, context_tokens: int | None
) -> PaddockError | None:
    """Our error for a server's that says something of this work; None for one that says something of the server."""
    if is_over_context(error):
        tokens, limit = context_numbers(error, 0)
        limit = limit or context_tokens or 0
        return TextTooLong(max(tokens or 0, limit + 1), limit)
    if error.status == 413 or error.parameter == "audio_filesize_mb":
        hint = "vLLM's own limit for recordings is VLLM_MAX_AUDIO_CLIP_FILESIZE_MB in the server's environment."
        return RequestTooLarge(f"Request is too large for {url}: {error.message}", hint=hint)
    is_model_unknown = error.parameter == "model" or "does not exist" in error.message
    if error.status in (404, 405, 501) and not is_model_unknown:
        return EngineUnavailable(
            f"{url} has no {asked.path}: the model that it serves, {served.name}, does not {asked.deed}. "
            f"It answers {error.status}: {error.message}",
            hint="Give the address of a server whose model does.",
        )
    if "token_embed" in error.message:
        pooling = """Start it with --pooler-config '{"task": "token_embed"}', from which both ways can be had."""
        return OptionUnsupported(f"pooling: {url} pools in its own way alone", hint=pooling)
    if "verbose_json" in error.message:
        return OptionUnsupported(f"{url}: the model that it serves, {served.name}, tells no times: {error.message}")
    return None
