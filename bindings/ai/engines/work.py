"""Work for a model that is no conversation: what goes in, and what comes out of it."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Describing",
    "Heard",
    "Listening",
    "Pooled",
    "Pooling",
    "PoolingType",
    "Result",
    "Rewriting",
    "Segment",
    "Word",
    "Work",
    "Written",
]

#: How the vectors of a text's tokens become one: their mean, or that of the first token.
PoolingType = Literal["mean", "cls"]


class Pooling(msgspec.Struct, frozen=True, tag="pooling", omit_defaults=True):
    """Texts to read, all in one batch: `embed` wants a vector of unit length for each, `classify` the scores of labels.

    A text that is longer than the model reads is refused, unless it is to be truncated.
    """

    kind: Literal["embed", "classify"]
    texts: tuple[str, ...]
    #: With a query, each text is read together with it, as a pair.
    query: str | None = None
    #: None is the checkpoint's own.
    pooling: PoolingType | None = None
    is_truncated: bool = False
    #: How many numbers the model's vectors have by its file: for engines that make vectors up.
    dimensions: int | None = None

    @property
    def characters(self) -> int:
        """The length of everything that is to be read."""
        return sum(map(len, self.texts)) + len(self.query or "") * len(self.texts)


class Pooled(msgspec.Struct, frozen=True, tag="pooled", array_like=True):
    """Vectors or scores: `data` is [rows, columns] float32, little endian; row order = order of the texts."""

    rows: int
    columns: int
    data: bytes
    #: Names of the columns, where the checkpoint has some.
    labels: tuple[str, ...] = ()


class Listening(msgspec.Struct, frozen=True, tag="listening", omit_defaults=True):
    """A recording to be written down, or translated into English."""

    #: A file in any format that the host's decoder knows.
    audio: bytes
    is_translated: bool = False
    #: A code such as `en`; None lets the model find out, where it can.
    language: str | None = None
    #: Text that sets the style and the spelling of names.
    prompt: str | None = None

    @property
    def characters(self) -> int:
        """As `Pooling.characters`; bytes take as long to decode."""
        return len(self.audio)


class Word(msgspec.Struct, frozen=True, array_like=True):
    """A word without the space before it. Times in seconds from the beginning of the recording."""

    word: str
    start: float
    end: float


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """What was said in one breath, as the model divides it."""

    start: float
    end: float
    text: str
    #: Mean of the natural logarithms of the probabilities of the tokens.
    avg_logprob: float
    #: Bytes of the text by bytes of it when compressed: high where a model repeats itself.
    compression_ratio: float
    #: How likely the model thinks that nobody speaks; None: a server does not tell.
    no_speech_prob: float | None
    #: Empty for a model, or a server, that does not tell their times.
    words: tuple[Word, ...] = ()


class Heard(msgspec.Struct, frozen=True, tag="heard", array_like=True):
    """A recording as text."""

    #: The one that was asked for, or found, with how sure the model is of it; None: a server does not tell.
    language: str
    language_probability: float | None
    duration_s: float
    segments: tuple[Segment, ...]


class Rewriting(msgspec.Struct, frozen=True, tag="rewriting", omit_defaults=True):
    """A text to be summarised, or with a `target` to be translated."""

    text: str
    #: Codes of languages, such as `en`.
    source: str | None = None
    target: str | None = None
    #: The longest answer; None is the checkpoint's own.
    max_tokens: int | None = None

    @property
    def characters(self) -> int:
        """As `Pooling.characters`."""
        return len(self.text)


class Describing(msgspec.Struct, frozen=True, tag="describing", omit_defaults=True):
    """A picture to be described."""

    #: A file in any format that the host decodes.
    image: bytes
    prompt: str
    #: The prompt goes to the model as it is, without its template.
    is_raw: bool = False
    max_tokens: int = 512
    #: None and 0 take the likeliest token each time.
    temperature: float | None = None
    seed: int | None = None

    @property
    def characters(self) -> int:
        """As `Pooling.characters`."""
        return len(self.image) + len(self.prompt)


class Written(msgspec.Struct, frozen=True, tag="written", array_like=True):
    """What a text was made into, or said of a picture."""

    text: str


#: What `EngineRequest.work` may be, and `EngineChunk.result`.
Work = Pooling | Listening | Rewriting | Describing
Result = Pooled | Heard | Written
