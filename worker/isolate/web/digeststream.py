"""`crypto.DigestStream`: a writable stream that hashes what is written to it.

Source: developer docs, "Web Crypto", DigestStream; workerd, api/crypto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.web.algorithms.hashes import new_hash
from paddock.worker.isolate.web.buffers import ArrayBuffer, JsBuffer
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.text import utf8
from paddock.worker.isolate.web.writable import WritableStream

if TYPE_CHECKING:
    import hashlib

__all__ = ["DigestStream"]


class DigestStream(WritableStream, metaclass=JsClass):
    """`digest` is a promise for the hash, which is there when the stream is closed."""

    def __init__(self, algorithm: object) -> None:
        self._result: Promise[object] = Promise.pending()
        self._written = 0
        self._setup(_HashSink(self, new_hash(algorithm)(b"")), 1, lambda _chunk: 1)

    @property
    def digest(self) -> Promise[object]:
        return self._result

    @property
    def bytesWritten(self) -> int:
        return self._written

    def _fail(self, reason: object) -> None:
        super()._fail(reason)
        self._result._handled()._reject(reason)


class _HashSink:
    def __init__(self, stream: DigestStream, running: hashlib._Hash) -> None:
        self._stream, self._running = stream, running

    def write(self, chunk: object) -> None:
        if not isinstance(chunk, str | JsBuffer):
            raise type_error("DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/"
                             "string type on its writable side.")  # fmt: skip
        data = utf8(chunk) if isinstance(chunk, str) else chunk.to_bytes()
        self._stream._written += len(data)
        self._running.update(data)

    def close(self) -> None:
        self._stream._result._resolve(ArrayBuffer.over(bytearray(self._running.digest())))

    def abort(self, reason: object) -> None:
        """The stream tells whoever waits for the hash."""
