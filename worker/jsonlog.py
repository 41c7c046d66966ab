"""The log for programs: one JSON object a line, for what Paddock says and for what the worker prints. DT-025."""

from __future__ import annotations

import datetime
import logging
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker.log import LOG, Redactor, SecretiveFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["JsonFormatter", "print_line"]

#: wrangler's names of the levels.
_LEVELS: Final = {LOG: "log", logging.WARNING: "warn", logging.CRITICAL: "error"}


class _Line(msgspec.Struct, omit_defaults=True):
    time: str
    level: str
    #: The logger's name, or `worker` for what the handler prints.
    source: str
    message: str
    traceback: str = ""
    #: Of what the handler prints, and of which worker's, where there are several.
    stream: str = ""
    worker: str = ""
    #: Of what belongs to a request: the one that the client gets with an error.
    request_id: str = ""
    #: Of what other programs wait for: its name, and the address of the server.
    event: str = ""
    ip: str = ""
    port: int = 0


class JsonFormatter(SecretiveFormatter):
    """Secrets are hidden before anything is encoded: an escaped one would not be found."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(Redactor(secrets))
        self._hide = self.redactor.redact

    def format(self, record: logging.LogRecord) -> str:
        trace = self._hide(self.formatException(record.exc_info)) if record.exc_info else ""
        level = _LEVELS.get(record.levelno, record.levelname.lower())
        fields = getattr(record, "fields", {})
        line = _Line(_moment(record.created), level, record.name, self._hide(record.getMessage()), trace, **fields)
        return msgspec.json.encode(line).decode()


def print_line(stream: str, text: str, worker: str = "", request_id: str = "") -> None:
    """What the handler prints: the user's, and so unaltered. On standard output, whatever stream it chose."""
    now = datetime.datetime.now(datetime.UTC).timestamp()
    line = _Line(_moment(now), "log", "worker", text, stream=stream, worker=worker, request_id=request_id)
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")
