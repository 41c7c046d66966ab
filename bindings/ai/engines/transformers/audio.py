"""Recordings to samples, with FFmpeg's libraries (PyAV). Inside a host: what crashes here crashes nothing else."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any, Final

from paddock.bindings.ai.engines.steploop import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RATE", "samples"]

#: Samples of a second, as Whisper hears them.
RATE: Final = 16_000
#: Longer recordings are refused: an hour is 230 MB of samples.
_MOST_SECONDS: Final = 3600
#: Containers that hold their own sound. Others, such as playlists, name files and addresses that would be opened.
_FORMATS: Final = "wav,mp3,ogg,flac,mov,matroska,aac,aiff,amr,w64"
_INSTALL: Final = "no decoder of audio is installed: pip install 'paddock[audio]'"


def samples(audio: bytes) -> Any:
    """The recording as [samples] float32 at RATE, one channel. Raises RequestRefused for what cannot be decoded."""
    try:
        import av
    except ImportError as error:
        raise RequestRefused("work_off", f"cannot hear, because {_INSTALL}") from error
    import numpy

    if not audio:
        raise RequestRefused("input", "audio: expected a recording; got no bytes")
    try:
        with av.open(io.BytesIO(audio), mode="r", options={"format_whitelist": _FORMATS}) as recording:
            pieces = list(_resampled(av, recording))
    except (av.FFmpegError, IndexError) as error:
        seen = audio[:12].hex(" ")
        text = (
            f"audio: expected a file such as WAV, MP3, Ogg, FLAC or WebM; got {len(audio)} bytes that begin with {seen}"
        )
        raise RequestRefused("input", f"{text} ({error})") from error
    return numpy.concatenate(pieces) if pieces else numpy.zeros(0, numpy.float32)


def _resampled(av: Any, recording: Any) -> Iterator[Any]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    length = 0
    for frame in itertools.chain(recording.decode(recording.streams.audio[0]), (None,)):  # None: what is held back
        for piece in resampler.resample(frame):
            array = piece.to_ndarray().reshape(-1)
            length += len(array)
            if length > _MOST_SECONDS * RATE:
                raise RequestRefused("input", f"audio: expected at most {_MOST_SECONDS} seconds; got more")
            yield array
