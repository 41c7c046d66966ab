"""HMAC. Source: Web Cryptography API, "HMAC"; RFC 2104."""

from __future__ import annotations

import hmac
import secrets

from paddock.worker.isolate.web.algorithms.hashes import BLOCK_BYTES, hash_of, hashlib_name
from paddock.worker.isolate.web.algorithms.key import (
    Algorithm,
    CryptoKey,
    buffer,
    jwk_octets,
    jwk_of,
    optional_integer,
    to_base64url,
    usages_of,
)
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject, read
from paddock.worker.isolate.web.text import js_string

__all__ = ["Hmac"]

_USAGES = ("sign", "verify")


class Hmac(Algorithm):
    """Keys of any length."""

    def import_key(
        self, form: str, data: object, params: object, is_extractable: bool, usages: tuple[str, ...]
    ) -> CryptoKey:
        allowed = usages_of(self.name, "import secret", usages, _USAGES)
        hash_name = hash_of(params)
        if form == "jwk":
            jwk = jwk_of(data, "oct", self.name, is_extractable)
            _check_alg(read(jwk, "alg"), hash_name)
            material = jwk_octets(jwk, "k")
        elif form == "raw":
            material = buffer(data, "key data")
        else:
            raise JsException("NotSupportedError", f'Unrecognized key import format "{form}".')
        bits = optional_integer(params, "length") or len(material) * 8
        if not bits or not len(material) * 8 - 8 < bits <= len(material) * 8:
            raise JsException(
                "DataError",
                f"Imported HMAC key length ({bits}) must be a non-zero value up to 7 bits less than, and no greater "
                f"than, the bit length of the raw key data ({len(material) * 8}).",
            )
        return self._key(material, hash_name, bits, allowed, is_extractable)

    def generate(self, params: object, is_extractable: bool, usages: tuple[str, ...]) -> CryptoKey:
        allowed = usages_of(self.name, "generate", usages, _USAGES)
        bits = self.key_bits(params)
        return self._key(secrets.token_bytes((bits + 7) // 8), hash_of(params), bits, allowed, is_extractable)

    def export(self, key: CryptoKey, form: str) -> bytes | JsObject:
        material = _octets(key)
        if form == "raw":
            return material
        if form != "jwk":
            raise JsException("NotSupportedError", f'Unimplemented key export format "{form}".')
        alg = f"HS{str(key._algorithm['hash'])[4:]}"
        return JsObject(
            {"kty": "oct", "key_ops": JsArray(key._usages), "ext": True, "alg": alg, "k": to_base64url(material)}
        )

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        return hmac.digest(_octets(key), data, hashlib_name(str(key._algorithm["hash"])))

    def verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> bool:
        return hmac.compare_digest(self.sign(key, params, data), signature)

    def key_bits(self, params: object) -> int:
        bits = optional_integer(params, "length")
        if bits is None:
            return BLOCK_BYTES[hash_of(params)] * 8
        if bits <= 0:
            raise type_error("HMAC key length must be a non-zero unsigned long integer.")
        return bits

    def _key(
        self, material: bytes, hash_name: str, bits: int, usages: tuple[str, ...], is_extractable: bool
    ) -> CryptoKey:
        described = {"name": self.name, "hash": hash_name, "length": bits}
        return CryptoKey.of(material, described, usages, is_extractable=is_extractable)


def _octets(key: CryptoKey) -> bytes:
    assert isinstance(key._material, bytes), "keys of this algorithm are made above"
    return key._material


def _check_alg(alg: object, hash_name: str) -> None:
    expected = f"HS{hash_name[4:]}"
    if alg is not None and alg != expected:
        raise JsException(
            "DataError",
            'HMAC "jwk" key import specifies "alg" that is incompatible with the hash name '
            f'(encountered "{js_string(alg)}", expected "{expected}").',
        )
