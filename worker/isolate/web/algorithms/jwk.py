"""Public keys as JSON Web Keys and back. Source: RFC 7517, RFC 7518, RFC 8037."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.isolate.web.algorithms.key import jwk_octets, jwk_of, to_base64url
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, read
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.algorithms.key import CryptoKey

__all__ = ["curve25519_class", "jwk_from_key", "key_from_jwk"]

_CURVE25519: Final = ("Ed25519", "X25519")
_RSA_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")


def key_from_jwk(data: object, kty: str, name: str, is_extractable: bool) -> Any:
    """A key of the `cryptography` package. Raises a DataError, or a ValueError for numbers that are no key."""
    jwk = jwk_of(data, kty, name, is_extractable)
    is_private = read(jwk, "d") is not None
    match kty:
        case "EC":
            return _curve_key(jwk, is_private)
        case "OKP":
            return _curve25519_key(jwk, name, is_private)
    return _rsa_key(jwk, is_private)


def jwk_from_key(made: Any, key: CryptoKey) -> JsObject:
    """The JSON Web Key of a key."""
    is_private = key.type == "private"
    public = made.public_key() if is_private else made
    members: dict[str, object] = {"key_ops": JsArray(key._usages), "ext": True}
    if "namedCurve" in key._algorithm:
        members |= {"kty": "EC", "crv": key._algorithm["namedCurve"]} | _curve_members(made, public, is_private)
    elif key.algorithm_name in _CURVE25519:
        secret = {"d": to_base64url(made.private_bytes_raw())} if is_private else {}
        members |= {"kty": "OKP", "crv": key.algorithm_name, "x": to_base64url(public.public_bytes_raw()), **secret}
    else:
        members |= {"kty": "RSA", "alg": _rsa_alg(key)} | _rsa_members(made, public, is_private)
    return JsObject(members)


def curve25519_class(name: str, kind: str) -> Any:
    """The package's class for an algorithm on Curve25519; `kind` is `PublicKey` or `PrivateKey`."""
    return getattr(import_module(f"cryptography.hazmat.primitives.asymmetric.{name.lower()}"), name + kind)


def _rsa_alg(key: CryptoKey) -> str:
    number = str(key._algorithm["hash"])[4:]
    if key.algorithm_name == "RSA-OAEP":
        return "RSA-OAEP" if number == "1" else f"RSA-OAEP-{number}"
    return ("PS" if key.algorithm_name == "RSA-PSS" else "RS") + number


def _curve_key(jwk: object, is_private: bool) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: dict[str, Any] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
    name = js_string(read(jwk, "crv"))
    if name not in curves:
        raise JsException("NotSupportedError", f'Unrecognized or unimplemented EC curve "{name}" requested.')
    public = ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), curves[name]())
    return (
        ec.EllipticCurvePrivateNumbers(_number(jwk, "d"), public).private_key() if is_private else public.public_key()
    )


def _curve25519_key(jwk: object, name: str, is_private: bool) -> Any:
    if (curve := js_string(read(jwk, "crv"))) != name:
        raise JsException("NotSupportedError", f'Only {name} is supported but "{curve}" was requested.')
    if is_private:
        return curve25519_class(name, "PrivateKey").from_private_bytes(jwk_octets(jwk, "d"))
    return curve25519_class(name, "PublicKey").from_public_bytes(jwk_octets(jwk, "x"))


def _rsa_key(jwk: object, is_private: bool) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    public = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
    if not is_private:
        return public.public_key()
    d, p, q, dp, dq, qi = (_number(jwk, name) for name in _RSA_PRIVATE)
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()


def _curve_members(made: Any, public: Any, is_private: bool) -> dict[str, object]:
    size, numbers = (public.key_size + 7) // 8, public.public_numbers()
    members = {"x": numbers.x, "y": numbers.y}
    if is_private:
        members["d"] = made.private_numbers().private_value
    return {name: to_base64url(value.to_bytes(size)) for name, value in members.items()}


def _rsa_members(made: Any, public: Any, is_private: bool) -> dict[str, object]:
    numbers = public.public_numbers()
    members = {"n": numbers.n, "e": numbers.e}
    if is_private:
        private = made.private_numbers()
        values = (private.d, private.p, private.q, private.dmp1, private.dmq1, private.iqmp)
        members |= dict(zip(_RSA_PRIVATE, values, strict=True))
    return {name: to_base64url(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in members.items()}


def _number(jwk: object, name: str) -> int:
    return int.from_bytes(jwk_octets(jwk, name))
