"""Public keys, and signatures with them: ECDSA, Ed25519, RSASSA-PKCS1-v1_5 and RSA-PSS.

Source: Web Cryptography API. The keys and what is computed with them are the `cryptography` package's, which is
imported with the first call. A signature of ECDSA is the two numbers side by side, not DER.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from paddock.worker.isolate.web.algorithms.hashes import hash_of
from paddock.worker.isolate.web.algorithms.jwk import curve25519_class, jwk_from_key, key_from_jwk
from paddock.worker.isolate.web.algorithms.key import Algorithm, CryptoKey, buffer, required, usages_of
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Curve25519", "Ecdsa", "Ed25519", "EllipticCurve", "PublicKey", "Rsa", "RsaPkcs1", "RsaPss", "hash_class"]

_CURVE_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66}


class PublicKey(Algorithm):
    """What the algorithms share: a pair of keys, in every format. `Any` stands for the package's key classes."""

    kty = ""
    #: What the two keys of a pair may be used for.
    public_usages: ClassVar[tuple[str, ...]] = ("verify",)
    private_usages: ClassVar[tuple[str, ...]] = ("sign",)

    def import_key(
        self, form: str, data: object, params: object, is_extractable: bool, usages: tuple[str, ...]
    ) -> CryptoKey:
        from cryptography.hazmat.primitives import serialization

        try:
            match form:
                case "jwk":
                    made: Any = key_from_jwk(data, self.kty, self.name, is_extractable)
                case "spki":
                    made = serialization.load_der_public_key(buffer(data, "key data"))
                case "pkcs8":
                    made = serialization.load_der_private_key(buffer(data, "key data"), None)
                case _:
                    made = self._from_raw(buffer(data, "key data"), params)
            return self._key(made, params, is_extractable, usages, "import")
        except (ValueError, TypeError) as error:
            raise JsException("DataError", f"Invalid {self.name} key: {error}") from error

    def generate(self, params: object, is_extractable: bool, usages: tuple[str, ...]) -> JsObject:
        usages_of(self.name, "generate", usages, (*self.private_usages, *self.public_usages))
        made = self._generated(params)
        private = tuple(usage for usage in usages if usage in self.private_usages)
        if not private:
            raise JsException("SyntaxError", "Attempt to generate asymmetric keys with no valid private key usages.")
        public = tuple(usage for usage in usages if usage in self.public_usages)
        return JsObject({
            "publicKey": self._key(made.public_key(), params, True, public, "generate"),
            "privateKey": self._key(made, params, is_extractable, private, "generate"),
        })  # fmt: skip

    def export(self, key: CryptoKey, form: str) -> bytes | JsObject:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

        made: Any = key._material
        if form == "jwk":
            return jwk_from_key(made, key)
        if key.type == "private" and form == "pkcs8":
            return bytes(made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        if key.type == "public" and form == "spki":
            return bytes(made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        if key.type == "public" and form == "raw" and self.kty != "RSA":
            is_curve = self.kty == "EC"
            encoding, kind = (
                (Encoding.X962, PublicFormat.UncompressedPoint) if is_curve else (Encoding.Raw, PublicFormat.Raw)
            )
            return bytes(made.public_bytes(encoding, kind))
        raise JsException("InvalidAccessError", f'A {key.type} {self.name} key cannot be exported as "{form}".')

    def verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self._verify(key, params, signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _key(self, made: Any, params: object, is_extractable: bool, usages: tuple[str, ...], action: str) -> CryptoKey:
        kind = "private" if hasattr(made, "private_bytes") else "public"
        allowed = self.private_usages if kind == "private" else self.public_usages
        checked = usages_of(self.name, f"{action} {kind}" if action == "import" else action, usages, allowed)
        described = {"name": self.name, **self._described(made, params)}
        return CryptoKey.of(made, described, checked, is_extractable=is_extractable or kind == "public", kind=kind)

    def _from_raw(self, data: bytes, params: object) -> Any:
        raise JsException("NotSupportedError", f'{self.name} keys cannot be imported in "raw" format.')

    def _generated(self, params: object) -> Any:
        raise NotImplementedError

    def _described(self, made: Any, params: object) -> Mapping[str, object]:
        """What `algorithm` says beside the name. Raises a ValueError for a key of another kind."""
        raise NotImplementedError

    def _verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> None:
        raise NotImplementedError


class Curve25519(PublicKey):
    """Keys of 32 bytes: Ed25519 and X25519, as the package calls its classes, too."""

    kty = "OKP"

    def _from_raw(self, data: bytes, params: object) -> Any:
        if len(data) != 32:
            raise JsException("DataError", f"{self.name} raw keys must be exactly 32-bytes (provided {len(data)}).")
        return curve25519_class(self.name, "PublicKey").from_public_bytes(data)

    def _generated(self, params: object) -> Any:
        return curve25519_class(self.name, "PrivateKey").generate()

    def _described(self, made: Any, params: object) -> Mapping[str, object]:
        if not type(made).__name__.startswith(self.name):
            raise ValueError("it is of another kind")
        return {}


class Ed25519(Curve25519):
    """Signatures without parameters."""

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        made: Any = key._material
        return bytes(made.sign(data))

    def _verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> None:
        made: Any = key._material
        made.verify(signature, data)


class EllipticCurve(PublicKey):
    """Keys on the curves P-256, P-384 and P-521."""

    kty = "EC"

    def _from_raw(self, data: bytes, params: object) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.EllipticCurvePublicKey.from_encoded_point(_curve(params), data)

    def _generated(self, params: object) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.generate_private_key(_curve(params))

    def _described(self, made: Any, params: object) -> Mapping[str, object]:
        curve = js_string(required(params, "namedCurve"))
        if getattr(getattr(made, "curve", None), "name", None) != _curve(params).name:
            raise ValueError(f"it is not on the curve {curve}")
        return {"namedCurve": curve}


class Ecdsa(EllipticCurve):
    """Signatures on these curves."""

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        made: Any = key._material
        size = _CURVE_BYTES[str(key._algorithm["namedCurve"])]
        numbers = utils.decode_dss_signature(made.sign(data, ec.ECDSA(hash_class(hash_of(params)))))
        return b"".join(number.to_bytes(size) for number in numbers)

    def _verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        made: Any = key._material
        size = _CURVE_BYTES[str(key._algorithm["namedCurve"])]
        if len(signature) != 2 * size:
            raise ValueError("a signature of another length")
        encoded = utils.encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
        made.verify(encoded, data, ec.ECDSA(hash_class(hash_of(params))))


class Rsa(PublicKey):
    """Keys of RSA, and signatures with them; a key belongs to one hash."""

    kty = "RSA"

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        made: Any = key._material
        return bytes(made.sign(data, self._padding(params), hash_class(str(key._algorithm["hash"]))))

    def _verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> None:
        made: Any = key._material
        made.verify(signature, data, self._padding(params), hash_class(str(key._algorithm["hash"])))

    def _generated(self, params: object) -> Any:
        from cryptography.hazmat.primitives.asymmetric import rsa

        exponent = int.from_bytes(buffer(required(params, "publicExponent"), 'field "publicExponent" in "algorithm"'))
        bits = required(params, "modulusLength")
        if exponent not in (3, 65537) or not isinstance(bits, int) or not 256 <= bits <= 16384 or bits % 8:
            raise JsException("OperationError", f"RSA keys of {bits} bits with exponent {exponent} are not supported.")
        return rsa.generate_private_key(exponent, bits)

    def _described(self, made: Any, params: object) -> Mapping[str, object]:
        from paddock.worker.isolate.web.buffers import uint8_array

        public = made.public_key() if hasattr(made, "private_bytes") else made
        if not hasattr(public, "public_numbers") or not hasattr(numbers := public.public_numbers(), "e"):
            raise ValueError("it is of another kind")
        exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)
        return {"hash": hash_of(params), "modulusLength": public.key_size, "publicExponent": uint8_array(exponent)}

    def _padding(self, params: object) -> Any:
        raise NotImplementedError


class RsaPkcs1(Rsa):
    """RSASSA-PKCS1-v1_5: the RS256 of JSON Web Tokens."""

    def _padding(self, params: object) -> Any:
        from cryptography.hazmat.primitives.asymmetric import padding

        return padding.PKCS1v15()


class RsaPss(Rsa):
    """RSA-PSS. The hash of the mask is always the key's own, as the API has it."""

    def sign(self, key: CryptoKey, params: object, data: bytes) -> bytes:
        made: Any = key._material
        name = str(key._algorithm["hash"])
        return bytes(made.sign(data, self._masked(params, name), hash_class(name)))

    def _verify(self, key: CryptoKey, params: object, signature: bytes, data: bytes) -> None:
        made: Any = key._material
        name = str(key._algorithm["hash"])
        made.verify(signature, data, self._masked(params, name), hash_class(name))

    def _masked(self, params: object, name: str) -> Any:
        from cryptography.hazmat.primitives.asymmetric import padding

        length = required(params, "saltLength")
        return padding.PSS(padding.MGF1(hash_class(name)), int(length) if isinstance(length, int | float) else 0)


def _curve(params: object) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    name = js_string(required(params, "namedCurve"))
    if name not in _CURVE_BYTES:
        raise JsException("NotSupportedError", f'Unrecognized or unimplemented EC curve "{name}" requested.')
    known: dict[str, Any] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
    return known[name]()


def hash_class(name: str) -> Any:
    """The package's hash of a standard name. Raises a NotSupportedError for MD5."""
    from cryptography.hazmat.primitives import hashes

    known: dict[str, Any] = {
        "SHA-1": hashes.SHA1, "SHA-256": hashes.SHA256, "SHA-384": hashes.SHA384, "SHA-512": hashes.SHA512,
    }  # fmt: skip
    if name not in known:
        raise JsException("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.")
    return known[name]()
