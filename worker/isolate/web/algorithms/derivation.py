"""PBKDF2 and HKDF. Source: Web Cryptography API; RFC 8018, RFC 5869."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from paddock.worker.isolate.web.algorithms.hashes import hash_of, hashlib_name
from paddock.worker.isolate.web.algorithms.key import Algorithm, CryptoKey, buffer, required, usages_of
from paddock.worker.isolate.web.errors import JsException

__all__ = ["Hkdf", "Pbkdf2"]

#: Production refuses more, which workerd on its own does not. Source: the error that deployed Workers report.
_MOST_ITERATIONS: Final = 100_000


class _Derivation(Algorithm):
    """Keys that other keys are derived from."""

    def import_key(
        self, form: str, data: object, params: object, is_extractable: bool, usages: tuple[str, ...]
    ) -> CryptoKey:
        allowed = usages_of(self.name, "import secret", usages, ("deriveKey", "deriveBits"))
        if is_extractable:
            raise JsException("SyntaxError", f"{self.name} key cannot be extractable.")
        if form != "raw":
            raise JsException(
                "NotSupportedError", f'{self.name} key must be imported in "raw" format (requested "{form}").'
            )
        return CryptoKey.of(buffer(data, "key data"), {"name": self.name}, allowed, is_extractable=False)

    def key_bits(self, params: object) -> None:
        return None

    def _octets(self, bits: int | None) -> int:
        if bits is None:
            raise JsException("OperationError", f"{self.name} cannot derive a key with null length.")
        if bits % 8:
            raise JsException(
                "OperationError",
                f"{self.name} requires a derived key length that is a multiple of eight (requested {bits}).",
            )
        return bits // 8


class Pbkdf2(_Derivation):
    """A key from a password."""

    def derive(self, key: CryptoKey, params: object, bits: int | None) -> bytes:
        hash_name, salt = hash_of(params), buffer(required(params, "salt"), 'field "salt" in "algorithm"')
        iterations = required(params, "iterations")
        octets = self._octets(bits)
        if not isinstance(iterations, int | float) or iterations <= 0:
            raise JsException("OperationError", f"PBKDF2 requires a positive iteration count (requested {iterations}).")
        if iterations > _MOST_ITERATIONS:
            raise JsException(
                "NotSupportedError",
                f"Pbkdf2 failed: iteration counts above {_MOST_ITERATIONS} are not supported (requested {iterations}).",
            )
        assert isinstance(key._material, bytes), "keys of this algorithm are made above"
        return hashlib.pbkdf2_hmac(hashlib_name(hash_name), key._material, salt, int(iterations), octets or 1)[:octets]


class Hkdf(_Derivation):
    """A key from another secret."""

    def derive(self, key: CryptoKey, params: object, bits: int | None) -> bytes:
        name = hashlib_name(hash_of(params))
        salt = buffer(required(params, "salt"), 'field "salt" in "algorithm"')
        info = buffer(required(params, "info"), 'field "info" in "algorithm"')
        octets, size = self._octets(bits), hashlib.new(name).digest_size
        if octets > 255 * size:
            raise JsException("OperationError", "HKDF deriveBits failed.")
        assert isinstance(key._material, bytes), "keys of this algorithm are made above"
        secret = hmac.digest(salt or bytes(size), key._material, name)
        block, derived = b"", b""
        while len(derived) < octets:
            block = hmac.digest(secret, block + info + bytes([len(derived) // size + 1]), name)
            derived += block
        return derived[:octets]
