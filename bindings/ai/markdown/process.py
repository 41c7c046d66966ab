"""A converter process as the server sees it: fed one document at a time, timed, and killed when it does not behave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, Self

import msgspec

from paddock.bindings.ai.markdown.documents import HEADER_BYTES, Job, Outcome
from paddock.bindings.ai.markdown.formats import guess

if TYPE_CHECKING:
    from types import TracebackType

    from paddock.bindings.ai.markdown.documents import ConversionOptions, Document, Limits

__all__ = ["Converter"]

_MODULE: Final = "paddock.bindings.ai.markdown.converter"
#: What the rest of an Outcome comes to, beside its data.
_SLACK_BYTES: Final = 64 * 1024


class Converter:
    """Converts documents in a child, one at a time; a context manager that leaves no child behind.

    The child is started by the first document, serves all of one call, and is replaced after it was killed or has died.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end()

    async def convert(self, document: Document, options: ConversionOptions) -> Outcome:
        """What became of one document. A document that breaks the child gets an error that says how.

        Cancel: kills the child. Raises OSError when no process can be started.
        """
        job = Job(document.name, document.mime_type, options, self._limits, len(document.data))
        process = await self._started()
        try:
            async with asyncio.timeout(self._limits.time_s):
                outcome = await self._exchange(process, job, document.data)
        except TimeoutError:
            outcome = _broken(document, f"The conversion took longer than {self._limits.time_s:g} s")
        except (asyncio.IncompleteReadError, ConnectionError):
            outcome = _broken(document, await _cause(process, self._limits))
        except _TooMuch:
            outcome = _broken(
                document, f"The document comes to more than {self._limits.output_bytes} bytes of Markdown"
            )
        if outcome.is_last:
            await self._end()
        return outcome

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", _MODULE, str(os.getpid()),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                cwd="/", start_new_session=True,  # ctrl-C in the terminal is for the server, which ends us
            )  # fmt: skip
        return self._process

    async def _exchange(self, process: asyncio.subprocess.Process, job: Job, data: bytes) -> Outcome:
        assert process.stdin is not None
        assert process.stdout is not None
        head = msgspec.msgpack.encode(job)
        # Not awaited: what the child never reads, because it has died, must not keep us from reading why.
        process.stdin.write(len(head).to_bytes(HEADER_BYTES, "big") + head)
        process.stdin.write(data)
        size = int.from_bytes(await process.stdout.readexactly(HEADER_BYTES), "big")
        if size > self._limits.output_bytes + _SLACK_BYTES:
            raise _TooMuch
        return msgspec.msgpack.decode(await process.stdout.readexactly(size), type=Outcome)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None
        process.stdin.close()
        await process.communicate()  # reads what is left, so that the other pipe is closed, too


class _TooMuch(Exception):
    """The child announced more than it may send."""


async def _cause(process: asyncio.subprocess.Process, limits: Limits) -> str:
    """Why a child has died."""
    code = await process.wait()
    how = signal.Signals(-code).name if code < 0 else f"code {code}"
    memory = f"{limits.memory_bytes // 1024**2} MiB of memory"
    return f"The converter ended with {how}: the document is damaged, or needs more than {memory}"


def _broken(document: Document, error: str) -> Outcome:
    """The outcome of a document that the child did not survive."""
    labelled = guess(document.name, document.mime_type)
    mime_type = labelled.mime_type if labelled else document.mime_type or "application/octet-stream"
    return Outcome(mime_type, error=error, is_last=True)
