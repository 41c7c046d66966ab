"""`crypto`: random values, and `subtle` for everything else.

Source: Web Cryptography API. Random values need an event to run for, as everything random does in production (PW-117).
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.buffers import TypedArray
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.scope import require_request

if TYPE_CHECKING:
    from paddock.worker.isolate.web.classes import JsClass

__all__ = ["CRYPTO"]

_MOST_BYTES: Final = 65536


class _Crypto(JsProxy):
    """`js.crypto`."""

    _js_name = "Crypto"

    @property
    def subtle(self) -> JsProxy:
        """Hashes, signatures and encryption."""
        from paddock.worker.isolate.web.subtle import SUBTLE  # few handlers need it

        return SUBTLE

    @property
    def DigestStream(self) -> JsClass:
        """A writable stream that hashes what is written to it."""
        from paddock.worker.isolate.web.digeststream import DigestStream  # few handlers need it

        return DigestStream

    def randomUUID(self) -> str:
        """A random UUID, version 4."""
        require_request()
        return str(uuid.uuid4())

    def getRandomValues(self, array: object) -> TypedArray:
        """The same array, filled with random numbers; at most 65536 bytes of integers."""
        require_request()
        if not isinstance(array, TypedArray) or array._format in "fd":
            raise JsException(
                "TypeMismatchError",
                "ArrayBufferView argument to getRandomValues() must be an integer-typed view.",
            )
        if array.byteLength > _MOST_BYTES:
            raise JsException(
                "QuotaExceededError",
                f"getRandomValues() only accepts buffers of size <= 64K but provided {array.byteLength} bytes.",
            )
        array.assign(secrets.token_bytes(array.byteLength))
        return array


#: The object that handlers import.
CRYPTO: Final = _Crypto()
