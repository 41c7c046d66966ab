"""AES-GCM, AES-CBC and AES-CTR. Source: Web Cryptography API; NIST SP 800-38A and 38D.

The ciphers are those of the `cryptography` package, which is imported with the first call that needs one.
"""

from __future__ import annotations

import secrets
from typing import ClassVar, Final

from paddock.worker.isolate.web.algorithms.key import (
    Algorithm,
    CryptoKey,
    buffer,
    jwk_octets,
    jwk_of,
    optional_buffer,
    optional_integer,
    required,
    to_base64url,
    usages_of,
)
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject

__all__ = ["Aes", "AesCbc", "AesCtr", "AesGcm", "key_octets"]

_TAG_BITS: Final = (32, 64, 96, 104, 112, 120, 128)
_BLOCK: Final = 16


class Aes(Algorithm):
    """Keys of 128, 192 or 256 bits."""

    usages: ClassVar[tuple[str, ...]] = ("encrypt", "decrypt", "wrapKey", "unwrapKey")

    def import_key(
        self, form: str, data: object, params: object, is_extractable: bool, usages: tuple[str, ...]
    ) -> CryptoKey:
        allowed = usages_of(self.name, "import secret", usages, self.usages)
        if form == "jwk":
            material = jwk_octets(jwk_of(data, "oct", self.name, is_extractable), "k")
        elif form == "raw":
            material = buffer(data, "key data")
        else:
            raise JsException("NotSupportedError", f'{self.name} key does not support "{form}" import.')
        if len(material) not in (16, 24, 32):
            raise JsException(
                "DataError",
                f"Imported AES key length must be 128, 192, or 256 bits but provided {len(material) * 8}.",
            )
        return self._key(material, allowed, is_extractable)

    def generate(self, params: object, is_extractable: bool, usages: tuple[str, ...]) -> CryptoKey:
        allowed = usages_of(self.name, "generate", usages, self.usages)
        return self._key(secrets.token_bytes(self.key_bits(params) // 8), allowed, is_extractable)

    def export(self, key: CryptoKey, form: str) -> bytes | JsObject:
        material = key_octets(key)
        if form == "raw":
            return material
        if form != "jwk":
            raise JsException(
                "NotSupportedError", f'{self.name} key only supports exporting "raw" & "jwk", not "{form}".'
            )
        alg = f"A{len(material) * 8}{self.name[4:]}"
        return JsObject(
            {"kty": "oct", "key_ops": JsArray(key._usages), "ext": True, "alg": alg, "k": to_base64url(material)}
        )

    def key_bits(self, params: object) -> int:
        bits = optional_integer(params, "length")
        if bits is None:
            raise type_error('Missing field "length" in "derivedKeyParams".')
        if bits not in (128, 192, 256):
            raise JsException(
                "OperationError", f"Derived AES key must be 128, 192, or 256 bits in length but provided {bits}."
            )
        return bits

    def _key(self, material: bytes, usages: tuple[str, ...], is_extractable: bool) -> CryptoKey:
        described = {"name": self.name, "length": len(material) * 8}
        return CryptoKey.of(material, described, usages, is_extractable=is_extractable)

    def _failed(self, given: int, expected: int) -> JsException:
        return JsException(
            "OperationError",
            "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect "
            f"CryptoKey, or another algorithm-specific reason. Input length was {given}, output length expected to be "
            f"{expected} for {self.name}",
        )


class AesGcm(Aes):
    """Encryption that notices changes."""

    def encrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        iv, tag_bytes, extra = self._params(params)
        encryptor = Cipher(algorithms.AES(key_octets(key)), modes.GCM(iv)).encryptor()
        encryptor.authenticate_additional_data(extra)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag[:tag_bytes]

    def decrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        iv, tag_bytes, extra = self._params(params)
        if len(data) < tag_bytes:
            raise JsException(
                "OperationError",
                f"Ciphertext length of {len(data) * 8} bits must be greater than or equal to the size of the AES-GCM "
                f"tag length of {tag_bytes * 8} bits.",
            )
        content, tag = data[: len(data) - tag_bytes], data[len(data) - tag_bytes :]
        mode = modes.GCM(iv, tag, min_tag_length=tag_bytes)
        decryptor = Cipher(algorithms.AES(key_octets(key)), mode).decryptor()
        decryptor.authenticate_additional_data(extra)
        try:
            return decryptor.update(content) + decryptor.finalize()
        except InvalidTag as error:
            raise self._failed(len(content), len(content)) from error

    def _params(self, params: object) -> tuple[bytes, int, bytes]:
        """Initialisation vector, length of the tag in bytes, additional data."""
        iv = buffer(required(params, "iv"), 'field "iv" in "algorithm"')
        if not iv:
            raise JsException("OperationError", "AES-GCM IV must not be empty.")
        if not 8 <= len(iv) <= 128:
            raise JsException("OperationError", "AES-GCM IV must have from 8 to 128 bytes in Paddock.")
        tag_bits = optional_integer(params, "tagLength")
        if tag_bits is not None and tag_bits not in _TAG_BITS:
            raise JsException("OperationError", f"Invalid AES-GCM tag length {tag_bits}.")
        return iv, (tag_bits or 128) // 8, optional_buffer(params, "additionalData") or b""


class AesCbc(Aes):
    """Encryption in chained blocks, padded."""

    def encrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        padding = _BLOCK - len(data) % _BLOCK
        encryptor = Cipher(algorithms.AES(key_octets(key)), modes.CBC(_iv(params))).encryptor()
        return encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()

    def decrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        decryptor = Cipher(algorithms.AES(key_octets(key)), modes.CBC(_iv(params))).decryptor()
        if not data or len(data) % _BLOCK:
            raise self._failed(len(data), len(data))
        padded = decryptor.update(data) + decryptor.finalize()
        padding = padded[-1]
        if not 1 <= padding <= _BLOCK or padded[-padding:] != bytes([padding]) * padding:
            raise self._failed(len(data), len(data))
        return padded[:-padding]


class AesCtr(Aes):
    """Encryption with a counter, which must not run over within one message."""

    def encrypt(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        counter = buffer(required(params, "counter"), 'field "counter" in "algorithm"')
        if len(counter) != _BLOCK:
            raise JsException("OperationError", f"Counter must have length of 16 bytes (provided {len(counter)}).")
        bits = required(params, "length")
        if not isinstance(bits, int) or not 1 <= bits <= 128:
            raise JsException("OperationError", f"Invalid counter of {bits} bits length provided.")
        blocks = -(-len(data) // _BLOCK)
        if blocks > 1 << bits:
            raise JsException("OperationError", "Counter block values will repeat")
        # Only the last `bits` bits count up. The cipher counts in all 128, so it starts anew where those run over.
        fixed, start = divmod(int.from_bytes(counter), 1 << bits)
        first = ((1 << bits) - start) * _BLOCK
        pieces = []
        for piece, at in ((data[:first], start), (data[first:], 0)):
            block = ((fixed << bits) | at).to_bytes(_BLOCK)
            encryptor = Cipher(algorithms.AES(key_octets(key)), modes.CTR(block)).encryptor()
            pieces.append(encryptor.update(piece) + encryptor.finalize())
        return b"".join(pieces)

    decrypt = encrypt


def key_octets(key: CryptoKey) -> bytes:
    """The bytes of a key of this family."""
    assert isinstance(key._material, bytes), "keys of this algorithm are made above"
    return key._material


def _iv(params: object) -> bytes:
    iv = buffer(required(params, "iv"), 'field "iv" in "algorithm"')
    if len(iv) != _BLOCK:
        raise JsException("OperationError", f"AES-CBC IV must be 16 bytes long (provided {len(iv)} bytes).")
    return iv
