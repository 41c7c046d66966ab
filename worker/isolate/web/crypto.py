"""`crypto.randomUUID` and `crypto.getRandomValues`.

Source: Web Cryptography API. Both need an event to run for, as everything random does in production (PW-117).
"""

from __future__ import annotations

import secrets
import uuid
from typing import Final

from paddock.worker.isolate.web.buffers import TypedArray
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.scope import require_request

__all__ = ["CRYPTO"]

_MOST_BYTES: Final = 65536


class _Crypto(JsProxy):
    """`js.crypto`."""

    _js_name = "Crypto"

    def randomUUID(self) -> str:
        """A random UUID, version 4."""
        require_request()
        return str(uuid.uuid4())

    def getRandomValues(self, array: object) -> TypedArray:
        """The same array, filled with random numbers; at most 65536 bytes of integers."""
        require_request()
        if not isinstance(array, TypedArray) or array._format in "fd":
            raise JsException("TypeMismatchError", "getRandomValues: expected an array of integers")
        if array.byteLength > _MOST_BYTES:
            raise JsException(
                "QuotaExceededError",
                f"getRandomValues() only accepts buffers of size <= 64K but provided {array.byteLength} bytes.",
            )
        array.assign(secrets.token_bytes(array.byteLength))
        return array


#: The object that handlers import.
CRYPTO: Final = _Crypto()
