"""ECDH, X25519, AES-KW and RSA-OAEP in `crypto.subtle`, against published examples."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.algorithms.key import to_base64url
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


def _bytes(text: str) -> Any:
    return uint8_array(bytes.fromhex(text))


def _b64(text: str) -> str:
    return to_base64url(bytes.fromhex(text))


def test_x25519_agrees() -> None:
    """RFC 7748, 6.1: Bob's secret, Alice's public key, and what they have in common."""
    bob = _bytes("302e020100300506032b656e042204205dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    alice = _bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")

    async def main() -> tuple[bytes, Any]:
        own = await _SUBTLE.importKey("pkcs8", bob, "X25519", True, ["deriveBits"])
        peer = await _SUBTLE.importKey("raw", alice, "X25519", True, [])
        secret = await _SUBTLE.deriveBits({"name": "X25519", "public": peer}, own)
        return secret.to_bytes(), await _SUBTLE.exportKey("jwk", own)

    secret, jwk = _run(main())
    assert secret.hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert (jwk.kty, jwk.crv) == ("OKP", "X25519")
    assert jwk.x == _b64("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")


#: RFC 5903, 8.1: the initiator's pair and the responder's public key.
_MINE = {
    "kty": "EC", "crv": "P-256",
    "d": _b64("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433"),
    "x": _b64("DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"),
    "y": _b64("5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3"),
}  # fmt: skip
_THEIRS = _bytes(
    "04D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
    "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB"
)
_COMMON = "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"
_P256 = {"name": "ECDH", "namedCurve": "P-256"}


async def _both() -> tuple[Any, Any]:
    mine = await _SUBTLE.importKey("jwk", JsObject(_MINE), _P256, False, ["deriveKey", "deriveBits"])
    return mine, await _SUBTLE.importKey("raw", _THEIRS, _P256, True, [])


@pytest.mark.parametrize(("bits", "secret"), [(None, _COMMON), (128, _COMMON[:32]), (12, "d680")])
def test_ecdh_agrees(bits: int | None, secret: str) -> None:
    async def main() -> bytes:
        mine, theirs = await _both()
        found = await _SUBTLE.deriveBits({"name": "ECDH", "public": theirs}, mine, bits)
        return bytes(found.to_bytes())

    assert _run(main()).hex() == secret


def test_a_key_is_derived_for_another_algorithm() -> None:
    async def main() -> str:
        mine, theirs = await _both()
        params = {"name": "ECDH", "public": theirs}
        key = await _SUBTLE.deriveKey(params, mine, {"name": "AES-GCM", "length": 128}, True, ["encrypt"])
        raw = await _SUBTLE.exportKey("raw", key)
        return str(raw.to_bytes().hex())

    assert _run(main()) == _COMMON[:32]


@pytest.mark.parametrize(
    ("bits", "public", "problem"),
    [
        (264, "theirs", "OperationError: Derived key length (264 bits) is too long (should be at most 256 bits)."),
        (256, "mine", 'InvalidAccessError: The provided key has type "private", not "public"'),
        (256, None, 'TypeError: Missing field "public" in "derivedKeyParams".'),
        (
            256,
            "other",
            "InvalidAccessError: Base ECDH private key cannot be used to derive a key from a peer X25519 public key",
        ),
        (
            256,
            "curve",
            'InvalidAccessError: Private key for derivation is using curve "P-256" while public key is using "P-384".',
        ),
    ],
)
def test_keys_that_do_not_belong_together_are_refused(bits: int, public: str | None, problem: str) -> None:
    async def main() -> None:
        mine, theirs = await _both()
        other = await _SUBTLE.generateKey("X25519", False, ["deriveBits"])
        curve = await _SUBTLE.generateKey({"name": "ECDH", "namedCurve": "P-384"}, False, ["deriveBits"])
        given = {"mine": mine, "theirs": theirs, "other": other.publicKey, "curve": curve.publicKey}
        await _SUBTLE.deriveBits({"name": "ECDH", "public": given.get(str(public))}, mine, bits)

    with pytest.raises(JsException) as caught:
        _run(main())
    assert str(caught.value) == problem


def test_aes_kw_wraps_and_unwraps() -> None:
    """RFC 3394, 4.1."""

    async def main() -> tuple[str, str]:
        usages = ["wrapKey", "unwrapKey"]
        kek = await _SUBTLE.importKey("raw", _bytes("000102030405060708090a0b0c0d0e0f"), "AES-KW", False, usages)
        content = _bytes("00112233445566778899aabbccddeeff")
        key = await _SUBTLE.importKey("raw", content, "AES-GCM", True, ["encrypt"])
        wrapped = await _SUBTLE.wrapKey("raw", key, kek, "AES-KW")
        again = await _SUBTLE.unwrapKey("raw", wrapped, kek, "AES-KW", "AES-GCM", True, ["encrypt"])
        raw = await _SUBTLE.exportKey("raw", again)
        return wrapped.to_bytes().hex(), raw.to_bytes().hex()

    wrapped, raw = _run(main())
    assert (wrapped, raw) == (
        "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        "00112233445566778899aabbccddeeff",
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (bytes(23), "Provided a wrapped key to unwrap that is 184 bits which isn't a multiple of 64 bits."),
        (
            bytes(16),
            "Provided a wrapped key to unwrap this is 128 bits that is less than the minimal length of 192 bits.",
        ),
        (bytes(24), "AES-KW key unwrapping failed"),
    ],
)
def test_aes_kw_refuses_what_it_has_not_wrapped(data: bytes, problem: str) -> None:
    async def main() -> None:
        kek = await _SUBTLE.generateKey({"name": "AES-KW", "length": 256}, False, ["unwrapKey"])
        await _SUBTLE.unwrapKey("raw", uint8_array(data), kek, "AES-KW", "AES-GCM", True, ["encrypt"])

    with pytest.raises(JsException) as caught:
        _run(main())
    assert str(caught.value) == f"OperationError: {problem}"


_OAEP = {
    "name": "RSA-OAEP", "modulusLength": 2048, "publicExponent": uint8_array(b"\x01\x00\x01"), "hash": "SHA-256",
}  # fmt: skip


def test_rsa_oaep_encrypts_for_the_holder_of_the_private_key() -> None:
    async def main() -> tuple[bytes, str, list[str], list[str]]:
        pair = await _SUBTLE.generateKey(_OAEP, True, ["encrypt", "decrypt", "wrapKey"])
        with_label = {"name": "RSA-OAEP", "label": uint8_array(b"label")}
        sealed = await _SUBTLE.encrypt(with_label, pair.publicKey, uint8_array(b"secret"))
        opened = await _SUBTLE.decrypt(with_label, pair.privateKey, sealed)
        jwk = await _SUBTLE.exportKey("jwk", pair.publicKey)
        with pytest.raises(JsException, match="OperationError: RSA-OAEP failed encrypt/decrypt"):
            await _SUBTLE.decrypt("RSA-OAEP", pair.privateKey, sealed)
        return opened.to_bytes(), jwk.alg, list(pair.publicKey.usages), list(pair.privateKey.usages)

    assert _run(main()) == (b"secret", "RSA-OAEP-256", ["encrypt", "wrapKey"], ["decrypt"])
