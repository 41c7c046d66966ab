"""Recordings on vLLM's server: written down, or translated into English.

Segments have their times. What the server does not tell stays untold: times of words, how sure the language is, and how
likely it is that nobody speaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.engines.protocol import EngineChunk
from paddock.bindings.ai.engines.remote.http import Upload
from paddock.bindings.ai.engines.work import Heard, Segment
from paddock.bindings.errors import EngineUnavailable, InputError

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.remote.settings import RemoteSettings
    from paddock.bindings.ai.engines.work import Listening

__all__ = ["Hearing"]


class _Segment(msgspec.Struct):
    start: float
    end: float
    text: str
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float | None = None


class _Answer(msgspec.Struct):
    #: Text in OpenAI's own description, and in vLLM's before 0.30.
    duration: float | str
    language: str
    segments: list[_Segment]


class Hearing:
    """As `asking.Asking`."""

    deed = "hear recordings"

    def __init__(self, work: Listening, settings: RemoteSettings) -> None:
        self.path = "/v1/audio/translations" if work.is_translated else "/v1/audio/transcriptions"
        self._work = work
        self._repository = settings.repository or ""

    def body(self, model: str) -> Upload:
        """Raises InputError for a language that the model does not know, as far as its name tells."""
        work, language = self._work, self._work.language
        if model.endswith(".en") or self._repository.endswith(".en"):  # so OpenAI calls all that know English alone
            if work.is_translated or language not in (None, "en"):
                raise InputError("Error: language and task: the model writes down English, and nothing else")
            language = "en"  # which the server would try to find out, by tokens that the model never learnt
        fields = {"model": model, "response_format": "verbose_json", "temperature": "0"}
        fields |= {"language": language} if language is not None else {}
        fields |= {"prompt": work.prompt} if work.prompt else {}
        return Upload(fields, work.audio)

    def read(self, content: bytes, url: str) -> EngineChunk:
        """As `Asking.read`."""
        try:
            answer = msgspec.json.decode(content, type=_Answer)
            duration_s = float(answer.duration)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise EngineUnavailable(f"{url} answers in another form than vLLM's server: {error}") from error
        told = [
            Segment(
                min(each.start, duration_s),
                min(each.end, duration_s),
                each.text,
                each.avg_logprob,
                each.compression_ratio,
                each.no_speech_prob,
            )
            for each in answer.segments
        ]
        return EngineChunk("", 0, "stop", None, result=Heard(answer.language, None, duration_s, tuple(told)))
