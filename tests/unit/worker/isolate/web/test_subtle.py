"""`crypto.subtle`, against the published vectors of the algorithms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.crypto import CRYPTO
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.scope import enter_request

if TYPE_CHECKING:
    from collections.abc import Awaitable

_SUBTLE: Any = CRYPTO.subtle


def _hex(text: str) -> Any:
    return uint8_array(bytes.fromhex(text))


def _run(awaitable: Awaitable[Any]) -> Any:
    async def main() -> Any:
        async with enter_request():
            return await awaitable

    return asyncio.run(main())


def _result(method: str, *args: object, key: tuple[object, ...] | None = None) -> str:
    """The bytes that a method results in, in hexadecimal. `key` is imported before, for the second place."""

    async def main() -> Any:
        async with enter_request():
            given = args if key is None else (args[0], await _SUBTLE.importKey(*key), *args[1:])
            return await getattr(_SUBTLE, method)(*given)

    buffer = asyncio.run(main())
    return str(buffer.to_bytes().hex())


def _failure(method: str, *args: object, key: tuple[object, ...] | None = None) -> str:
    with pytest.raises(JsException) as caught:
        _result(method, *args, key=key)
    return str(caught.value)


def _raw(data: str, algorithm: object, *usages: str, is_extractable: bool = False) -> tuple[object, ...]:
    return ("raw", _hex(data), algorithm, is_extractable, list(usages))


_ABC = b"abc".hex()
_HMAC = {"name": "HMAC", "hash": "SHA-256"}
_JEFE, _WANT = b"Jefe".hex(), b"what do ya want for nothing?".hex()
_WANT_MAC = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ({"name": "sha-1"}, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("MD5", "900150983cd24fb0d6963f7d28e17f72"),
    ],
)
def test_digest(algorithm: object, expected: str) -> None:
    """FIPS 180-4 and RFC 1321; production takes MD5 as well."""
    assert _result("digest", algorithm, _hex(_ABC)) == expected


def test_digest_of_pythons_bytes_is_refused() -> None:
    """In production they cross as a proxy, which is no buffer."""
    text = _failure("digest", "SHA-256", b"abc")
    assert text.startswith("TypeError: Failed to execute 'digest' on 'SubtleCrypto': parameter 2 is not of type")
    assert "to_js" in text


def test_unknown_digest_is_refused() -> None:
    assert "NotSupportedError: Unrecognized or unimplemented digest" in _failure("digest", "SHA-3", _hex(_ABC))


def test_hmac_signs() -> None:
    """RFC 4231, test case 2."""
    assert _result("sign", "HMAC", _hex(_WANT), key=_raw(_JEFE, _HMAC, "sign")) == _WANT_MAC


@pytest.mark.parametrize(("mac", "is_right"), [(_WANT_MAC, True), (_WANT_MAC[:-2] + "00", False), ("00", False)])
def test_hmac_verifies(mac: str, is_right: bool) -> None:
    async def main() -> object:
        key = await _SUBTLE.importKey(*_raw(_JEFE, _HMAC, "verify"))
        return await _SUBTLE.verify("HMAC", key, _hex(mac), _hex(_WANT))

    assert _run(main()) is is_right


def test_key_describes_itself() -> None:
    async def main() -> Any:
        return await _SUBTLE.importKey(*_raw(_JEFE, _HMAC, "verify", "sign"))

    key = _run(main())
    assert (key.type, key.extractable, list(key.usages)) == ("secret", False, ["sign", "verify"])
    assert key.algorithm.to_py() == {"name": "HMAC", "hash": {"name": "SHA-256"}, "length": 32}
    assert key.constructor.name == "CryptoKey"


def test_key_is_held_to_its_usages_and_its_algorithm() -> None:
    verifying = _raw(_JEFE, _HMAC, "verify")
    assert 'InvalidAccessError: Requested key usage "sign"' in _failure("sign", "HMAC", _hex(_ABC), key=verifying)
    assert "does not match this CryptoKey's algorithm" in _failure(
        "verify", "AES-GCM", _hex(""), _hex(""), key=verifying
    )
    assert 'invalid usage "encrypt"' in _failure("importKey", *_raw(_JEFE, _HMAC, "encrypt"))
    assert "must have at least one usage" in _failure("importKey", *_raw(_JEFE, _HMAC))


def test_export_needs_an_extractable_key() -> None:
    async def main(is_extractable: bool, form: str) -> Any:
        key = await _SUBTLE.importKey(*_raw(_JEFE, _HMAC, "sign", is_extractable=is_extractable))
        return await _SUBTLE.exportKey(form, key)

    assert _run(main(True, "raw")).to_bytes() == b"Jefe"
    assert _run(main(True, "jwk")).to_py() == {
        "kty": "oct", "key_ops": ["sign"], "ext": True, "alg": "HS256", "k": "SmVmZQ",
    }  # fmt: skip
    with pytest.raises(JsException, match="InvalidAccessError: Attempt to export non-extractable HMAC key"):
        _run(main(False, "raw"))


def test_json_web_key_is_imported() -> None:
    jwk = JsObject({"kty": "oct", "k": "SmVmZQ", "alg": "HS256"})
    assert _result("sign", "HMAC", _hex(_WANT), key=("jwk", jwk, _HMAC, False, ["sign"])) == _WANT_MAC
    wrong = JsObject({"kty": "oct", "k": "SmVmZQ", "alg": "HS512"})
    assert 'DataError: HMAC "jwk" key import' in _failure("importKey", "jwk", wrong, _HMAC, False, ["sign"])


_GCM = "feffe9928665731c6d6a8f9467308308"
_GCM_IV = {"name": "AES-GCM", "iv": _hex("cafebabefacedbaddecaf888")}
_GCM_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba"
    "637b391aafd255"
)
_GCM_SECRET = (
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d"
    "58e091473f59854d5c2af327cd64a62cf35abd2ba6fab4"
)  # fmt: skip


def test_aes_gcm() -> None:
    """The GCM specification, test case 3: the tag stands behind the text."""
    key = _raw(_GCM, "AES-GCM", "encrypt", "decrypt")
    assert _result("encrypt", _GCM_IV, _hex(_GCM_PLAIN), key=key) == _GCM_SECRET
    assert _result("decrypt", _GCM_IV, _hex(_GCM_SECRET), key=key) == _GCM_PLAIN


def test_aes_gcm_notices_changes() -> None:
    key = _raw(_GCM, "AES-GCM", "decrypt")
    changed = {**_GCM_IV, "additionalData": _hex("00")}
    assert "OperationError: Decryption failed" in _failure("decrypt", changed, _hex(_GCM_SECRET), key=key)
    assert "tag length of 128 bits" in _failure("decrypt", _GCM_IV, _hex("00"), key=key)
    assert 'Missing field "iv"' in _failure("decrypt", {"name": "AES-GCM"}, _hex(_GCM_SECRET), key=key)


def test_aes_cbc() -> None:
    """NIST SP 800-38A, F.2.1, with the padding that the API adds."""
    key = _raw("2b7e151628aed2a6abf7158809cf4f3c", "AES-CBC", "encrypt", "decrypt")
    params = {"name": "AES-CBC", "iv": _hex("000102030405060708090a0b0c0d0e0f")}
    secret = _result("encrypt", params, _hex("6bc1bee22e409f96e93d7e117393172a"), key=key)
    assert (secret[:32], len(secret)) == ("7649abac8119b246cee98e9b12e9197d", 64)
    assert _result("decrypt", params, _hex(secret), key=key) == "6bc1bee22e409f96e93d7e117393172a"


def test_aes_ctr_counts_in_the_given_bits_only() -> None:
    """NIST SP 800-38A, F.5.1; a counter of 1 bit runs over after the second block."""
    key = _raw("2b7e151628aed2a6abf7158809cf4f3c", "AES-CTR", "encrypt")
    params = {"name": "AES-CTR", "counter": _hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), "length": 64}
    assert _result("encrypt", params, _hex("6bc1bee22e409f96e93d7e117393172a"), key=key) == (
        "874d6191b620e3261bef6864990db6ce"
    )
    wrapped = _result("encrypt", {**params, "length": 1}, _hex("00" * 32), key=key)
    before = {**params, "counter": _hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfefe"), "length": 1}
    assert wrapped == "".join(_result("encrypt", before, _hex("00" * 32), key=key)[i : i + 32] for i in (32, 0))
    assert "will repeat" in _failure("encrypt", {**params, "length": 1}, _hex("00" * 48), key=key)


def test_pbkdf2() -> None:
    """RFC 6070."""
    key = _raw(b"password".hex(), "PBKDF2", "deriveBits")
    params = {"name": "PBKDF2", "hash": "SHA-1", "salt": _hex(b"salt".hex()), "iterations": 4096}
    assert _result("deriveBits", params, 160, key=key) == "4b007901b765489abead49d926f721d065a429c1"


def test_pbkdf2_has_productions_limit() -> None:
    """Deployed Workers report this, local workerd does not."""
    key = _raw(b"password".hex(), "PBKDF2", "deriveBits")
    params = {"name": "PBKDF2", "hash": "SHA-1", "salt": _hex(""), "iterations": 100_001}
    assert _failure("deriveBits", params, 160, key=key) == (
        "NotSupportedError: Pbkdf2 failed: iteration counts above 100000 are not supported (requested 100001)."
    )


def test_hkdf() -> None:
    """RFC 5869, test case 1."""
    key = _raw("0b" * 22, "HKDF", "deriveBits")
    params = {"name": "HKDF", "hash": "SHA-256", "salt": _hex("000102030405060708090a0b0c"),
              "info": _hex("f0f1f2f3f4f5f6f7f8f9")}  # fmt: skip
    assert _result("deriveBits", params, 336, key=key) == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_derived_key_encrypts() -> None:
    async def main() -> str:
        password = await _SUBTLE.importKey(*_raw(b"password".hex(), "PBKDF2", "deriveKey"))
        params = {"name": "PBKDF2", "hash": "SHA-256", "salt": _hex("00"), "iterations": 1}
        wanted = {"name": "AES-GCM", "length": 256}
        key = await _SUBTLE.deriveKey(params, password, wanted, False, ["encrypt", "decrypt"])
        secret = await _SUBTLE.encrypt(_GCM_IV, key, _hex(_ABC))
        return str((await _SUBTLE.decrypt(_GCM_IV, key, secret)).to_string())

    assert _run(main()) == "abc"


def test_wrapped_key_is_unwrapped() -> None:
    async def main() -> Any:
        async with enter_request():
            outer = await _SUBTLE.generateKey({"name": "AES-GCM", "length": 128}, False, ["wrapKey", "unwrapKey"])
            inner = await _SUBTLE.importKey(*_raw(_JEFE, _HMAC, "sign", is_extractable=True))
            wrapped = await _SUBTLE.wrapKey("jwk", inner, outer, _GCM_IV)
            again = await _SUBTLE.unwrapKey("jwk", wrapped, outer, _GCM_IV, _HMAC, False, ["sign"])
            return await _SUBTLE.sign("HMAC", again, _hex(_WANT))

    assert asyncio.run(main()).to_bytes().hex() == _WANT_MAC


def test_keys_are_random_and_need_an_event() -> None:
    async def main() -> Any:
        key = await _SUBTLE.generateKey(_HMAC, True, ["sign"])
        return (await _SUBTLE.exportKey("raw", key)).to_bytes()

    assert len(_run(main())) == 64
    assert _run(main()) != _run(main())
    with pytest.raises(JsException, match="global scope"):
        asyncio.run(main())


def test_timing_safe_equal() -> None:
    assert _SUBTLE.timingSafeEqual(_hex("0102"), _hex("0102")) is True
    assert _SUBTLE.timingSafeEqual(_hex("0102"), _hex("0103")) is False
    with pytest.raises(JsException, match="same byte length"):
        _SUBTLE.timingSafeEqual(_hex("01"), _hex("0102"))


def test_digest_stream() -> None:
    async def main() -> str:
        stream = CRYPTO.DigestStream.new("SHA-256")
        writer = stream.getWriter()
        await writer.write(_hex(b"a".hex()))
        await writer.write("bc")
        await writer.close()
        return str((await stream.digest).to_bytes().hex())

    assert _run(main()).startswith("ba7816bf")
