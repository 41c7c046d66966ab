"""The inputs of embedding models in all their forms, with types, and the texts that they come to.

Source: the model files of bge, bge-m3, EmbeddingGemma and Qwen3-Embedding; Qwen's model page for how a query is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from paddock.bindings.ai.engines.work import PoolingType  # noqa: TC001 -- msgspec reads the annotations
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.card import ModelCard

__all__ = ["Context", "Inputs", "Texts", "texts_of", "typed"]

#: Texts of one call. Production publishes no bound: its validator lets more through than the schemas declare (WA-022).
#: This many vectors of 1024 numbers are 16 MiB, which both connections of an answer carry.
_MOST_TEXTS: Final = 4096
_ASKED: Final = "Instruct: {}\nQuery:{}"


class Context(msgspec.Struct):
    """A text that a query is compared with. The schema lets one without text through."""

    text: str


class Inputs(msgspec.Struct):
    """All inputs that Paddock reads; others are ignored, as production ignores them."""

    text: str | list[str] | None = None
    pooling: PoolingType | None = None
    query: str | None = None
    contexts: list[Context] | None = None
    truncate_inputs: bool | None = None
    queries: str | list[str] | None = None
    documents: str | list[str] | None = None
    instruction: str | None = None
    requests: object = None
    #: OpenAI's; its other options have no meaning here.
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


class Texts(NamedTuple):
    """What is to be embedded, and what the caller wants of the vectors."""

    texts: tuple[str, ...]
    #: `data`: vectors under that name. `response`: the same, as bge-m3 gives those of contexts. `scores`: the first
    #: text is a query, and the answer how near each of the others is to it.
    form: Literal["data", "response", "scores"] = "data"


def typed(inputs: Mapping[str, object]) -> Inputs:
    """The inputs as a struct. Raises InputError with the path of what does not fit."""
    try:
        return msgspec.convert(inputs, Inputs)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error


def texts_of(card: ModelCard, given: Inputs) -> Texts:
    """The texts of a call, by the inputs that the model's schema declares. Raises InputError for none or too many."""
    if given.requests is not None:
        raise OptionUnsupported(
            "requests: a list of requests runs as an asynchronous batch, by the option queueRequest"
        )
    if given.contexts is not None and card.declares_input("contexts"):
        contexts = [context.text for context in given.contexts]
        query = [] if given.query is None else [given.query]
        return _counted(Texts((*query, *_some("contexts", contexts)), "scores" if query else "response"))
    if card.declares_input("queries"):
        asked = [_ASKED.format(given.instruction, query) for query in _listed(given.queries)]
        told = [*_listed(given.documents), *_listed(given.text)]
        return _counted(Texts(tuple(_some("queries, documents and text", [*asked, *told]))))
    return _counted(Texts(tuple(_some("text", _listed(given.text)))))


def _listed(given: str | list[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else given or []


def _some(name: str, texts: list[str]) -> list[str]:
    if not texts:
        raise InputError(f"Error: {name}: expected at least one text; got none")
    return texts


def _counted(texts: Texts) -> Texts:
    if len(texts.texts) > _MOST_TEXTS:
        raise InputError(f"Error: expected at most {_MOST_TEXTS} texts in a call; got {len(texts.texts)}")
    return texts
