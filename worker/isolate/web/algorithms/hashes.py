"""Hash functions by the names of the Web Cryptography API.

MD5 is no part of the standard; production takes it in `digest`, for checking what others have signed with it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.algorithms.key import required
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import is_nullish, read
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BLOCK_BYTES", "algorithm_name", "digest", "hash_of", "hashlib_name", "new_hash"]

_PYTHON: Final = {"SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512", "MD5": "md5"}
#: The length of an HMAC key where none is asked for.
BLOCK_BYTES: Final = {"SHA-1": 64, "SHA-256": 64, "SHA-384": 128, "SHA-512": 128, "MD5": 64}


def algorithm_name(algorithm: object) -> str:
    """The name in an algorithm, which is a name itself or an object with one."""
    name = algorithm if isinstance(algorithm, str) else read(algorithm, "name")
    return "" if is_nullish(name) else js_string(name)


def hash_of(params: object) -> str:
    """The standard name of the hash that an algorithm object asks for."""
    return _standard(algorithm_name(required(params, "hash")))


def hashlib_name(name: str) -> str:
    """What Python calls a hash."""
    return _PYTHON[name]


def digest(algorithm: object, data: bytes) -> bytes:
    """The hash of some bytes. Raises a NotSupportedError for an unknown algorithm."""
    return new_hash(algorithm)(data).digest()


def new_hash(algorithm: object) -> Callable[[bytes], hashlib._Hash]:
    """The function that begins a hash."""
    python_name = _PYTHON[_standard(algorithm_name(algorithm))]
    return lambda data: hashlib.new(python_name, data, usedforsecurity=False)


def _standard(name: str) -> str:
    if name.upper() not in _PYTHON:
        raise JsException("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.")
    return name.upper()
