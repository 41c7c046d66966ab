"""The child that converts: one document after the other, from standard input to standard output.

A document comes as the length of its head (4 bytes, big-endian), the head (a Job) and the document's bytes; an Outcome
goes back behind its length. Documents are hostile until proven otherwise: this process is confined before it reads the
first, its parent kills it when it takes too long, and nothing else lives in it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from paddock.bindings.ai.markdown.confinement import confine, limit_time
from paddock.bindings.ai.markdown.detection import detect
from paddock.bindings.ai.markdown.documents import HEADER_BYTES, Document, Job, Outcome, Unreadable
from paddock.bindings.ai.markdown.formats import PLAIN_TEXT_NEEDS, guess, not_installed

if TYPE_CHECKING:
    from typing import BinaryIO

    from paddock.bindings.ai.markdown.formats import Format

__all__ = ["Reader", "convert", "main"]

#: A module for each kind of document, named after it; none is imported before a document needs it.
_READERS: Final = "paddock.bindings.ai.markdown.readers"
#: Frames of the interpreter. Readers follow the nesting of a document; what is nested deeper is refused.
_RECURSION: Final = 10_000
_UNKNOWN: Final = "application/octet-stream"


class Reader(Protocol):
    """A module that reads one kind of document."""

    def read(self, document: Document, job: Job) -> str:
        """The document as Markdown. Raises Unreadable, or whatever its library raises at a damaged document."""
        ...


def main(parent_pid: int) -> None:
    """Convert until standard input ends."""
    from paddock.worker.channel import die_with_parent

    die_with_parent(parent_pid)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not get between the answers
    sys.setrecursionlimit(_RECURSION)
    is_confined = False
    while head := source.read(HEADER_BYTES):
        job = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=Job)
        if not is_confined:
            confine(job.limits)
            is_confined = True
        limit_time(job.limits)
        outcome = convert(source, job)
        payload = msgspec.msgpack.encode(outcome)
        target.write(len(payload).to_bytes(HEADER_BYTES, "big") + payload)
        target.flush()
        if outcome.is_last:
            return


def convert(source: BinaryIO, job: Job) -> Outcome:
    """Convert the document whose bytes come next. What is wrong with it is its outcome, whatever a library raised."""
    labelled = guess(job.name, job.mime_type)
    mime_type = labelled.mime_type if labelled else job.mime_type or _UNKNOWN
    try:
        document = Document(job.name, job.mime_type, source.read(job.data_bytes))
        format = detect(document)
        mime_type = format.mime_type
        return _convert(document, format, job)
    except Unreadable as error:
        return Outcome(mime_type, error=str(error))
    except MemoryError:
        text = f"The document needs more than {job.limits.memory_bytes // 1024**2} MiB of memory"
        return Outcome(mime_type, error=text, is_last=True)
    except RecursionError:
        return Outcome(mime_type, error="The document is nested too deeply")
    except Exception as error:  # a library's own, at a document that nobody vouches for
        what = str(error).partition("\n")[0][:200]
        text = f"The document is damaged or is no {mime_type}: {type(error).__name__}{': ' if what else ''}{what}"
        return Outcome(mime_type, error=text)


def _convert(document: Document, format: Format, job: Job) -> Outcome:
    if format.kind is None:
        raise Unreadable(format.refusal)
    is_text = job.options.output is not None and job.options.output.format == "text"
    if missing := not_installed((*format.needs, *(PLAIN_TEXT_NEEDS if is_text else ()))):
        return Outcome(format.mime_type, missing=missing)
    reader = cast("Reader", import_module(f"{_READERS}.{format.kind}"))
    data = reader.read(document, job)
    if is_text:
        from paddock.bindings.ai.markdown.plain import plain_text

        data = plain_text(data)
    if len(data.encode("utf-8", "replace")) > job.limits.output_bytes:
        raise Unreadable(f"The document comes to more than {job.limits.output_bytes} bytes of Markdown")
    return Outcome(format.mime_type, data=data)


if __name__ == "__main__":
    main(int(sys.argv[1]))
