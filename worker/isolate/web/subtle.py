"""`crypto.subtle`: hashes, signatures and encryption.

Source: Web Cryptography API; workerd, api/crypto. Hashes, HMAC and key derivation are the standard library's, ciphers
and public keys those of the `cryptography` package. An algorithm's module is imported with its first use.
"""

from __future__ import annotations

import functools
import hmac
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.algorithms.hashes import algorithm_name, digest
from paddock.worker.isolate.web.algorithms.key import Algorithm, CryptoKey, buffer
from paddock.worker.isolate.web.buffers import ArrayBuffer
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.jsonvalue import parse, stringify
from paddock.worker.isolate.web.objects import JsProxy, is_nullish
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.scope import require_request
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.objects import JsObject

__all__ = ["SUBTLE"]

#: Standard name -> where the algorithm is: module and class.
_ALGORITHMS: Final = {
    "HMAC": "mac.Hmac",
    "AES-GCM": "aes.AesGcm",
    "AES-CBC": "aes.AesCbc",
    "AES-CTR": "aes.AesCtr",
    "AES-KW": "wrapping.AesKw",
    "PBKDF2": "derivation.Pbkdf2",
    "HKDF": "derivation.Hkdf",
    "Ed25519": "public.Ed25519",
    "ECDSA": "public.Ecdsa",
    "ECDH": "agreement.Ecdh",
    "X25519": "agreement.X25519",
    "RSASSA-PKCS1-v1_5": "public.RsaPkcs1",
    "RSA-PSS": "public.RsaPss",
    "RSA-OAEP": "wrapping.RsaOaep",
}
_PACKAGE: Final = f"{__package__}.algorithms"
#: Data that is no buffer is refused in these words, with the place of the argument.
_WRONG: Final = "Failed to execute '{}' on 'SubtleCrypto': parameter {}"


class _SubtleCrypto(JsProxy):
    """`js.crypto.subtle`. Every method but `timingSafeEqual` returns a promise."""

    _js_name = "SubtleCrypto"

    @promised
    async def digest(self, algorithm: object, data: object) -> ArrayBuffer:
        """The hash of some bytes."""
        return _out(digest(algorithm, buffer(data, _WRONG.format("digest", 2))))

    @promised
    async def importKey(
        self, form: object, data: object, algorithm: object, extractable: object, usages: object
    ) -> CryptoKey:
        """A key from bytes (`raw`, `spki`, `pkcs8`) or from a `jwk`."""
        return _imported(js_string(form), data, algorithm, bool(extractable), _names(usages))

    @promised
    async def exportKey(self, form: object, key: object) -> object:
        """What a key was imported from. Rejects with an InvalidAccessError for a key that is not extractable."""
        exported = _exported(js_string(form), _key(key, "exportKey", 2))
        return _out(exported) if isinstance(exported, bytes) else exported

    @promised
    async def generateKey(self, algorithm: object, extractable: object, usages: object) -> object:
        """A new key, or an object with `publicKey` and `privateKey`."""
        require_request()
        found = _found(algorithm_name(algorithm), "Unrecognized key generation algorithm")
        made = found.generate(algorithm, bool(extractable), _names(usages))
        if isinstance(made, CryptoKey):
            _check_usable(made)
        return made

    @promised
    async def sign(self, algorithm: object, key: object, data: object) -> ArrayBuffer:
        """The signature of some bytes."""
        used = _checked(key, algorithm, "sign")
        return _out(_of(used).sign(used, algorithm, buffer(data, _WRONG.format("sign", 3))))

    @promised
    async def verify(self, algorithm: object, key: object, signature: object, data: object) -> bool:
        """Whether a signature is right."""
        used = _checked(key, algorithm, "verify")
        given = buffer(signature, _WRONG.format("verify", 3))
        return _of(used).verify(used, algorithm, given, buffer(data, _WRONG.format("verify", 4)))

    @promised
    async def encrypt(self, algorithm: object, key: object, data: object) -> ArrayBuffer:
        """Encrypted bytes."""
        used = _checked(key, algorithm, "encrypt")
        return _out(_of(used).encrypt(used, algorithm, buffer(data, _WRONG.format("encrypt", 3))))

    @promised
    async def decrypt(self, algorithm: object, key: object, data: object) -> ArrayBuffer:
        """Decrypted bytes. Rejects with an OperationError where they were changed."""
        used = _checked(key, algorithm, "decrypt")
        return _out(_of(used).decrypt(used, algorithm, buffer(data, _WRONG.format("decrypt", 3))))

    @promised
    async def deriveBits(self, algorithm: object, key: object, length: object = None) -> ArrayBuffer:
        """A number of bits derived from a key."""
        used = _checked(key, algorithm, "deriveBits")
        return _out(_of(used).derive(used, algorithm, int(length) if isinstance(length, int | float) else None))

    @promised
    async def deriveKey(
        self, algorithm: object, key: object, derived: object, extractable: object, usages: object
    ) -> CryptoKey:
        """A key of another algorithm, derived from a key."""
        used = _checked(key, algorithm, "deriveKey")
        bits = _found(algorithm_name(derived), "Unrecognized derived key type").key_bits(derived)
        secret = _of(used).derive(used, algorithm, bits)
        return _imported("raw", ArrayBuffer.over(secret), derived, bool(extractable), _names(usages))

    @promised
    async def wrapKey(self, form: object, key: object, wrapping_key: object, algorithm: object) -> ArrayBuffer:
        """A key, exported and encrypted."""
        used = _checked(wrapping_key, algorithm, "wrapKey")
        exported = _exported(js_string(form), _key(key, "wrapKey", 2))
        data = exported if isinstance(exported, bytes) else (stringify(exported) or "").encode()
        return _out(_of(used).encrypt(used, algorithm, data))

    @promised
    async def unwrapKey(
        self, form: object, data: object, unwrapping_key: object, algorithm: object, unwrapped: object,
        extractable: object, usages: object,
    ) -> CryptoKey:  # fmt: skip
        """A key from what `wrapKey` made."""
        used = _checked(unwrapping_key, algorithm, "unwrapKey")
        content = _of(used).decrypt(used, algorithm, buffer(data, _WRONG.format("unwrapKey", 2)))
        kind = js_string(form)
        material = parse(content.decode("utf-8", "replace")) if kind == "jwk" else ArrayBuffer.over(content)
        return _imported(kind, material, unwrapped, bool(extractable), _names(usages))

    def timingSafeEqual(self, a: object, b: object) -> bool:
        """Whether two buffers of one length are equal, in a time that does not depend on where they differ."""
        left = buffer(a, _WRONG.format("timingSafeEqual", 1))
        right = buffer(b, _WRONG.format("timingSafeEqual", 2))
        if len(left) != len(right):
            raise type_error("Input buffers must have the same byte length.")
        return hmac.compare_digest(left, right)


#: `crypto.subtle`.
SUBTLE: Final = _SubtleCrypto()


def _imported(form: str, data: object, algorithm: object, is_extractable: bool, usages: tuple[str, ...]) -> CryptoKey:
    if form not in ("raw", "pkcs8", "spki", "jwk"):
        raise JsException("NotSupportedError", f'Unrecognized key import format "{form}".')
    found = _found(algorithm_name(algorithm), "Unrecognized key import algorithm")
    return _check_usable(found.import_key(form, data, algorithm, is_extractable, usages))


def _exported(form: str, key: CryptoKey) -> bytes | JsObject:
    if not key.extractable:
        raise JsException("InvalidAccessError", f"Attempt to export non-extractable {key.algorithm_name} key.")
    return _of(key).export(key, form)


def _check_usable(key: CryptoKey) -> CryptoKey:
    if not key._usages and key.type in ("secret", "private"):
        raise JsException("SyntaxError", "Secret/private CryptoKeys must have at least one usage.")
    return key


def _checked(key: object, algorithm: object, usage: str) -> CryptoKey:
    """The key of an operation, if it is of the algorithm and for the operation."""
    used, name = _key(key, usage, 2), algorithm_name(algorithm)
    if name.upper() != used.algorithm_name.upper():
        raise JsException(
            "InvalidAccessError",
            f'Requested algorithm "{name}" does not match this CryptoKey\'s algorithm "{used.algorithm_name}".',
        )
    if usage not in used._usages:
        raise JsException(
            "InvalidAccessError", f'Requested key usage "{usage}" does not match any usage listed in this CryptoKey.'
        )
    return used


def _key(value: object, operation: str, place: int) -> CryptoKey:
    if not isinstance(value, CryptoKey):
        raise type_error(f"{_WRONG.format(operation, place)} is not of type 'CryptoKey'.")
    return value


def _of(key: CryptoKey) -> Algorithm:
    return _load(key.algorithm_name)


def _found(name: str, complaint: str) -> Algorithm:
    standard = next((known for known in _ALGORITHMS if known.upper() == name.upper()), None)
    if standard is None:
        raise JsException("NotSupportedError", f'{complaint} "{name}" requested.')
    return _load(standard)


@functools.cache
def _load(name: str) -> Algorithm:
    module, _, kind = _ALGORITHMS[name].partition(".")
    made: Algorithm = getattr(import_module(f"{_PACKAGE}.{module}"), kind)(name)
    return made


def _names(usages: object) -> tuple[str, ...]:
    if is_nullish(usages) or isinstance(usages, str) or not isinstance(usages, Iterable):
        raise type_error("keyUsages: expected an array of usages")
    return tuple(js_string(usage) for usage in usages)


def _out(data: bytes) -> ArrayBuffer:
    return ArrayBuffer.over(bytearray(data))
