"""Signatures with public keys in `crypto.subtle`, against published examples."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.algorithms.key import from_base64url
from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.crypto import CRYPTO
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.scope import enter_request

if TYPE_CHECKING:
    from collections.abc import Coroutine

_SUBTLE: Any = CRYPTO.subtle


def _run(coroutine: Coroutine[object, object, Any]) -> Any:
    async def main() -> Any:
        async with enter_request():
            return await coroutine

    return asyncio.run(main())


_ED_PUBLIC = uint8_array(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
_ED_SIGNATURE = uint8_array(
    bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655"
        "141438e7a100b"
    )
)


@pytest.mark.parametrize(("message", "is_right"), [(b"", True), (b"other", False)])
def test_ed25519_verifies(message: bytes, is_right: bool) -> None:
    """RFC 8032, 7.1, test 1; Discord signs its requests like this."""

    async def main() -> object:
        key = await _SUBTLE.importKey("raw", _ED_PUBLIC, "Ed25519", False, ["verify"])
        return await _SUBTLE.verify("Ed25519", key, _ED_SIGNATURE, uint8_array(message))

    assert _run(main()) is is_right


def test_ed25519_signs_with_a_json_web_key() -> None:
    """RFC 8037, A.1, is the same key."""
    jwk = JsObject({
        "kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })  # fmt: skip

    async def main() -> bytes:
        key = await _SUBTLE.importKey("jwk", jwk, "Ed25519", True, ["sign"])
        exported = await _SUBTLE.exportKey("jwk", key)
        assert (exported.d, exported.x, exported.crv) == (jwk.d, jwk.x, "Ed25519")
        return bytes((await _SUBTLE.sign("Ed25519", key, uint8_array(b""))).to_bytes())

    assert _run(main()) == _ED_SIGNATURE.to_bytes()


_EC_PUBLIC = {
    "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}  # fmt: skip
_EC_INPUT = (
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
_EC_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
_ECDSA = {"name": "ECDSA", "namedCurve": "P-256", "hash": "SHA-256"}


@pytest.mark.parametrize(("signature", "is_right"), [(_EC_SIGNATURE, True), ("AAAA", False)])
def test_ecdsa_verifies_a_token(signature: str, is_right: bool) -> None:
    """RFC 7515, A.3."""

    async def main() -> object:
        key = await _SUBTLE.importKey("jwk", JsObject(_EC_PUBLIC), _ECDSA, False, ["verify"])
        given = uint8_array(from_base64url(signature))
        return await _SUBTLE.verify(_ECDSA, key, given, uint8_array(_EC_INPUT.encode()))

    assert _run(main()) is is_right


@pytest.mark.parametrize(
    ("algorithm", "forms"),
    [
        (_ECDSA, ("spki", "raw", "jwk")),
        ({"name": "Ed25519"}, ("spki", "raw", "jwk")),
        (
            {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "hash": "SHA-256",
             "publicExponent": uint8_array(b"\x01\x00\x01")},
            ("spki", "jwk"),
        ),
        (
            {"name": "RSA-PSS", "modulusLength": 2048, "hash": "SHA-256", "saltLength": 32,
             "publicExponent": uint8_array(b"\x01\x00\x01")},
            ("spki", "jwk"),
        ),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else None,
)  # fmt: skip
def test_generated_keys_go_out_and_in_again(algorithm: dict[str, object], forms: tuple[str, ...]) -> None:
    async def main() -> list[object]:
        pair = await _SUBTLE.generateKey(algorithm, True, ["sign", "verify"])
        secret = await _SUBTLE.exportKey("pkcs8", pair.privateKey)
        signing = await _SUBTLE.importKey("pkcs8", secret, algorithm, False, ["sign"])
        signature = await _SUBTLE.sign(algorithm, signing, uint8_array(b"text"))
        outcomes: list[object] = []
        for form in forms:
            public = await _SUBTLE.exportKey(form, pair.publicKey)
            key = await _SUBTLE.importKey(form, public, algorithm, True, ["verify"])
            outcomes.append(await _SUBTLE.verify(algorithm, key, signature, uint8_array(b"text")))
            outcomes.append(await _SUBTLE.verify(algorithm, key, signature, uint8_array(b"next")))
        return outcomes

    assert _run(main()) == [True, False] * len(forms)


def test_private_rsa_key_as_a_json_web_key() -> None:
    algorithm = {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "hash": "SHA-256",
                 "publicExponent": uint8_array(b"\x01\x00\x01")}  # fmt: skip

    async def main() -> tuple[object, ...]:
        pair = await _SUBTLE.generateKey(algorithm, True, ["sign", "verify"])
        jwk = await _SUBTLE.exportKey("jwk", pair.privateKey)
        again = await _SUBTLE.importKey("jwk", jwk, algorithm, False, ["sign"])
        signature = await _SUBTLE.sign(algorithm, again, uint8_array(b"text"))
        is_right = await _SUBTLE.verify(algorithm, pair.publicKey, signature, uint8_array(b"text"))
        return jwk.alg, jwk.e, pair.privateKey.algorithm.modulusLength, is_right

    assert _run(main()) == ("RS256", "AQAB", 2048, True)


@pytest.mark.parametrize(
    ("form", "data", "algorithm", "usages", "text"),
    [
        ("raw", _ED_PUBLIC, "Ed25519", ["sign"], 'Attempt to import public Ed25519 key with invalid usage "sign"'),
        (
            "raw",
            uint8_array(b"short"),
            "Ed25519",
            ["verify"],
            r"DataError: Ed25519 raw keys must be exactly 32-bytes \(provided 5\)",
        ),
        ("spki", uint8_array(b"no key"), _ECDSA, ["verify"], "DataError: Invalid ECDSA key"),
        ("raw", _ED_PUBLIC, {"name": "RSA-PSS", "hash": "SHA-256"}, ["verify"], 'cannot be imported in "raw" format'),
        ("jwk", JsObject(_EC_PUBLIC), {"name": "Ed25519"}, ["verify"], 'equal to "OKP"'),
        ("jwk", JsObject(_EC_PUBLIC), {"name": "ECDSA", "namedCurve": "P-384"}, ["verify"], "not on the curve P-384"),
    ],
)
def test_wrong_keys_are_refused(form: str, data: object, algorithm: object, usages: list[str], text: str) -> None:
    async def main() -> None:
        await _SUBTLE.importKey(form, data, algorithm, False, usages)

    with pytest.raises(JsException, match=text):
        _run(main())
