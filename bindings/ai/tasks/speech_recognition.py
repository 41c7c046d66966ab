"""Speech recognition: a recording as bytes, numbers or base64; its text, words and subtitles.

Source: the model files of whisper, whisper-tiny-en and whisper-large-v3-turbo; captured answers for the subtitles and
for words without the space before them; WA-088, WA-089.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Heard, Listening
from paddock.bindings.ai.files import file_bytes
from paddock.bindings.ai.tasks.contract import NO_SAMPLING, Whole, finished
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk
    from paddock.bindings.ai.engines.work import Segment, Word
    from paddock.bindings.ai.tasks.contract import Dialect, Job

__all__ = ["Inputs", "SpeechRecognition"]

#: Inputs that ask for what nothing here does.
_REFUSED: Final = {
    "vad_filter": "no model here tells speech from silence beforehand",
    "prefix": "no answer here can be begun by the caller",
}
_WORDS_OF_A_CUE: Final = 5


class Inputs(msgspec.Struct):
    """All inputs that Paddock reads; others are ignored, as production ignores them."""

    audio: bytes
    task: Literal["transcribe", "translate"] | None = None
    language: str | None = None
    initial_prompt: str | None = None


class SpeechRecognition:
    """Adapter of the task `Automatic Speech Recognition`."""

    runner: Final = "generate"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for audio in no form, OptionUnsupported with the reason."""
        known = {name: value for name, value in inputs.items() if card.declares_input(name)}
        for name, reason in _REFUSED.items():
            if known.get(name):
                raise OptionUnsupported(f"{name}: {reason}; leave it out")
        try:
            given = msgspec.convert(known | {"audio": file_bytes("audio", known.get("audio"))}, Inputs)
        except msgspec.ValidationError as error:
            raise InputError(f"Error: {error}") from error
        work = Listening(given.audio, given.task == "translate", given.language, given.initial_prompt)
        request = EngineRequest(NO_SAMPLING, work=work, adapter=adapter, is_whole=True)
        return _Transcript(request, is_detailed=card.declares_output("segments"))


class _Transcript(Whole):
    """What was said, in the shape of either generation of models."""

    def __init__(self, request: EngineRequest, *, is_detailed: bool) -> None:
        super().__init__(request)
        self._is_detailed = is_detailed

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """`text`, `word_count`, `vtt`, and `words` or `segments`. What the engine does not tell is left out."""
        heard, _ = await finished(choices, Heard)
        words = list(chain.from_iterable(segment.words for segment in heard.segments))
        text = "".join(segment.text for segment in heard.segments).strip()
        body: dict[str, object] = {"text": text, "word_count": len(words) or len(text.split())}
        spoken = [(segment.start, segment.end, segment.text.strip()) for segment in heard.segments]
        if not self._is_detailed:
            if heard.segments and not words:
                return body | {"vtt": _vtt(spoken)}
            cues = [words[at : at + _WORDS_OF_A_CUE] for at in range(0, len(words), _WORDS_OF_A_CUE)]
            spoken = [(cue[0].start, cue[-1].end, " ".join(word.word for word in cue)) for cue in cues]
            return body | {"vtt": _vtt(spoken), "words": [_word(word) for word in words]}
        sure = {} if heard.language_probability is None else {"language_probability": heard.language_probability}
        durations = {"duration": heard.duration_s, "duration_after_vad": heard.duration_s}
        info = {"language": heard.language, **sure, **durations}
        segments = [_segment(segment) for segment in heard.segments]
        return {"transcription_info": info} | body | {"segments": segments, "vtt": _vtt(spoken)}


def _word(word: Word) -> dict[str, object]:
    return {"word": word.word, "start": word.start, "end": word.end}


def _segment(segment: Segment) -> dict[str, object]:
    told: dict[str, object] = {
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "temperature": 0.0,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
    }
    if segment.no_speech_prob is not None:
        told["no_speech_prob"] = segment.no_speech_prob
    if segment.words or not segment.text.strip():
        told["words"] = [_word(word) for word in segment.words]
    return told


def _vtt(cues: Sequence[tuple[float, float, str]]) -> str:
    """Subtitles as production writes them: no hours, no minutes before there are some, no line end at the end."""
    return "\n\n".join(["WEBVTT", *(f"{_clock(start)} --> {_clock(end)}\n{text}" for start, end, text in cues)])


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    begun = (f"{hours:02}:" if hours else "") + (f"{minutes:02}:" if hours or minutes else "")
    return f"{begun}{rest // 1000:02}.{rest % 1000:03}"
