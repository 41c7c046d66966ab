"""Algorithms that encrypt keys: AES-KW and RSA-OAEP, which encrypts other short data as well.

Source: Web Cryptography API; RFC 3394, RFC 8017; texts of workerd, api/crypto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from paddock.worker.isolate.web.algorithms.aes import Aes, key_octets
from paddock.worker.isolate.web.algorithms.key import optional_buffer
from paddock.worker.isolate.web.algorithms.public import Rsa, hash_class
from paddock.worker.isolate.web.errors import JsException

if TYPE_CHECKING:
    from paddock.worker.isolate.web.algorithms.key import CryptoKey

__all__ = ["AesKw", "RsaOaep"]


class AesKw(Aes):
    """Wraps keys, and nothing else."""

    usages: ClassVar[tuple[str, ...]] = ("wrapKey", "unwrapKey")

    def encrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import keywrap

        if len(data) % 8:
            raise _failed(
                "Unwrapped key bit length must be a multiple of 64 bits but unwrapped key has a length of "
                f"{len(data) * 8} bits."
            )
        if len(data) < 16:
            raise _failed(
                f"Unwrapped key has length {len(data)} bytes but it should be greater than or equal to 16 and less "
                f"than or equal to {2**64 - 9}"
            )
        return keywrap.aes_key_wrap(key_octets(key), data)

    def decrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import keywrap

        if len(data) % 8:
            raise _failed(
                f"Provided a wrapped key to unwrap that is {len(data) * 8} bits which isn't a multiple of 64 bits."
            )
        if len(data) < 24:
            raise _failed(
                f"Provided a wrapped key to unwrap this is {len(data) * 8} bits that is less than the minimal length "
                "of 192 bits."
            )
        try:
            return keywrap.aes_key_unwrap(key_octets(key), data)
        except keywrap.InvalidUnwrap as error:
            raise _failed("AES-KW key unwrapping failed") from error


class RsaOaep(Rsa):
    """Encryption with a public key. The hash of the mask is the key's own."""

    public_usages: ClassVar[tuple[str, ...]] = ("encrypt", "wrapKey")
    private_usages: ClassVar[tuple[str, ...]] = ("decrypt", "unwrapKey")

    def encrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        made: Any = key._material
        try:
            return bytes(made.encrypt(data, _padding(key, params)))
        except ValueError as error:
            raise _failed("RSA-OAEP failed encrypt/decrypt") from error

    def decrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        made: Any = key._material
        try:
            return bytes(made.decrypt(data, _padding(key, params)))
        except ValueError as error:
            raise _failed("RSA-OAEP failed encrypt/decrypt") from error

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        self._refuse("sign")

    def verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> bool:
        self._refuse("verify")


def _padding(key: CryptoKey, params: object) -> Any:
    from cryptography.hazmat.primitives.asymmetric import padding

    name = str(key._algorithm["hash"])
    return padding.OAEP(padding.MGF1(hash_class(name)), hash_class(name), optional_buffer(params, "label"))


def _failed(text: str) -> JsException:
    return JsException("OperationError", text)
