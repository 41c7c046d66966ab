"""`CryptoKey`, and what all algorithms share: reading parameters, checking usages, JSON Web Keys.

Source: Web Cryptography API; workerd, api/crypto (the texts of errors).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NoReturn

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "USAGES",
    "Algorithm",
    "CryptoKey",
    "buffer",
    "from_base64url",
    "jwk_octets",
    "jwk_of",
    "optional_buffer",
    "optional_integer",
    "required",
    "to_base64url",
    "usages_of",
]  # fmt: skip

#: Every usage, in the order in which a key lists its own.
USAGES: Final = (
    "encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey",
)  # fmt: skip


class CryptoKey(JsProxy, metaclass=JsClass):
    """A key. What it is made of can be had back only if it is extractable."""

    _material: object

    def __init__(self) -> None:
        raise type_error("Illegal constructor")

    @classmethod
    def of(
        cls,
        material: object,
        algorithm: Mapping[str, object],
        usages: Iterable[str],
        *,
        is_extractable: bool,
        kind: str = "secret",
    ) -> CryptoKey:
        """A key of an algorithm. `material` is whatever the algorithm computes with."""
        key = cls.__new__(cls)
        key._material, key._algorithm, key._kind = material, dict(algorithm), kind
        key._usages, key._is_extractable = tuple(usages), is_extractable
        return key

    _algorithm: dict[str, object]
    _kind: str
    _usages: tuple[str, ...]
    _is_extractable: bool

    @property
    def type(self) -> str:
        return self._kind

    @property
    def extractable(self) -> bool:
        return self._is_extractable

    @property
    def algorithm(self) -> JsObject:
        hash_name = self._algorithm.get("hash")
        nested = {"hash": JsObject({"name": hash_name})} if hash_name else {}
        return JsObject({**self._algorithm, **nested})

    @property
    def usages(self) -> JsArray:
        return JsArray(self._usages)

    @property
    def algorithm_name(self) -> str:
        """The name in its standard spelling."""
        return str(self._algorithm["name"])


class Algorithm:
    """One algorithm, or a family of them. What it cannot do is refused with production's text.

    `params` is the algorithm object of the call, or None where the call gave only a name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def import_key(
        self, form: str, data: object, params: object, is_extractable: bool, usages: tuple[str, ...]
    ) -> CryptoKey:
        """A key from its bytes or its JSON Web Key."""
        self._refuse("importKey")

    def generate(self, params: object, is_extractable: bool, usages: tuple[str, ...]) -> object:
        """A new key, or an object with a pair of them."""
        self._refuse("generateKey")

    def export(self, key: CryptoKey, form: str) -> bytes | JsObject:
        """What `import_key` would take."""
        self._refuse("exportKey")

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        self._refuse("sign")

    def verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> bool:
        self._refuse("verify")

    def encrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        self._refuse("encrypt")

    def decrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        self._refuse("decrypt")

    def derive(self, key: CryptoKey, params: object, bits: int | None) -> bytes:
        """Bytes derived from the key; their number is given in bits."""
        self._refuse("deriveBits")

    def key_bits(self, params: object) -> int | None:
        """How many bits a key of this algorithm takes when it is derived from another one."""
        raise JsException("NotSupportedError", f'Unrecognized derived key type "{self.name}" requested.')

    def _refuse(self, operation: str) -> NoReturn:
        raise JsException("NotSupportedError", f'The {operation} operation is not implemented for "{self.name}".')


def usages_of(name: str, action: str, given: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Usages in their standard order. Raises a SyntaxError for one that keys of the algorithm cannot have."""
    wanted = list(given)
    for usage in wanted:
        if usage not in allowed:
            raise JsException("SyntaxError", f'Attempt to {action} {name} key with invalid usage "{usage}".')
    return tuple(usage for usage in USAGES if usage in wanted)


def required(params: object, name: str) -> object:
    """A member of the algorithm object. Raises a TypeError where it is missing."""
    value = read(params, name)
    if is_nullish(value):
        raise type_error(f'Missing field "{name}" in "algorithm".')
    return value


def buffer(value: object, what: str) -> bytes:
    """The bytes of an ArrayBuffer or of a view. Raises a TypeError for anything else, Python's bytes included."""
    if isinstance(value, JsBuffer):
        return value.to_bytes()
    hint = ": convert it with to_js first" if isinstance(value, bytes | bytearray | memoryview) else ""
    raise type_error(f"{what} is not of type 'BufferSource'{hint}.")


def optional_buffer(params: object, name: str) -> bytes | None:
    """The bytes of a member; None where it is missing."""
    value = read(params, name)
    return None if is_nullish(value) else buffer(value, f'field "{name}" in "algorithm"')


def optional_integer(params: object, name: str) -> int | None:
    """A whole number; None where it is missing."""
    value = read(params, name)
    return int(value) if isinstance(value, int | float) else None


def jwk_of(data: object, kind: str, name: str, is_extractable: bool) -> object:
    """The JSON Web Key of an import, after the checks that all algorithms share."""
    if not isinstance(data, JsObject | dict):
        raise type_error('Import data provided for "jwk" import format must be a JsonWebKey.')
    if read(data, "ext") is False and is_extractable:
        raise JsException("DataError", f'JWK ext field for "{name}" is set to false but extractable is true')
    if read(data, "kty") != kind:
        raise JsException(
            "DataError",
            f'{name} "jwk" key import requires a JSON Web Key with Key Type parameter ("kty") equal to "{kind}" '
            f'(encountered "{js_string(read(data, "kty"))}").',
        )
    return data


def jwk_octets(jwk: object, name: str) -> bytes:
    """The bytes in a member of a JSON Web Key. Raises a DataError where they are missing or not base64url."""
    value = read(jwk, name)
    if not isinstance(value, str):
        raise JsException("DataError", f'JSON Web Key: the member "{name}" is missing')
    return from_base64url(value)


def from_base64url(text: str) -> bytes:
    """Raises a DataError for text that is not base64url."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise JsException("DataError", "JSON Web Key: a member is not base64url") from error


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
