"""ECDH and X25519: a secret that two pairs of keys have in common. Source: Web Cryptography API; RFC 7748."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from paddock.worker.isolate.web.algorithms.key import CryptoKey
from paddock.worker.isolate.web.algorithms.public import Curve25519, EllipticCurve, PublicKey
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import read

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["X25519", "Ecdh"]


class _Agreement(PublicKey):
    """What both share: the peer's key is the parameter `public`."""

    public_usages: ClassVar[tuple[str, ...]] = ()
    private_usages: ClassVar[tuple[str, ...]] = ("deriveKey", "deriveBits")

    def derive(self, key: CryptoKey, params: object, bits: int | None) -> bytes:
        secret = self._shared(key._material, self._peer(key, params)._material)
        bits = len(secret) * 8 if bits is None else bits
        if bits > len(secret) * 8:
            raise JsException(
                "OperationError",
                f"Derived key length ({bits} bits) is too long (should be at most {len(secret) * 8} bits).",
            )
        derived = bytearray(secret[: -(-bits // 8)])
        if bits % 8:  # bits of the last byte that nobody asked for are no part of the result
            derived[-1] &= 0xFF << (8 - bits % 8) & 0xFF
        return bytes(derived)

    def _peer(self, key: CryptoKey, params: object) -> CryptoKey:
        """The key of the other side. Raises an InvalidAccessError where the two do not belong together."""
        peer = read(params, "public")
        if not isinstance(peer, CryptoKey):
            raise type_error('Missing field "public" in "derivedKeyParams".')
        if key.type != "private":
            raise _refused(f'The deriveBits operation is only valid for a private key, not "{key.type}".')
        if peer.type != "public":
            raise _refused(f'The provided key has type "{peer.type}", not "public"')
        if peer.algorithm_name != self.name:
            raise _refused(
                f"Base {self.name} private key cannot be used to derive a key from a peer {peer.algorithm_name} "
                "public key"
            )
        curves: Sequence[object] = [one._algorithm.get("namedCurve") for one in (key, peer)]
        if curves[0] != curves[1]:
            raise _refused(
                f'Private key for derivation is using curve "{curves[0]}" while public key is using "{curves[1]}".'
            )
        return peer

    def _shared(self, own: Any, peer: Any) -> bytes:
        raise NotImplementedError


class Ecdh(_Agreement, EllipticCurve):
    """On the curves P-256, P-384 and P-521."""

    def _shared(self, own: Any, peer: Any) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec

        return bytes(own.exchange(ec.ECDH(), peer))


class X25519(_Agreement, Curve25519):
    """On Curve25519."""

    def _shared(self, own: Any, peer: Any) -> bytes:
        try:
            return bytes(own.exchange(peer))
        except ValueError as error:
            raise JsException(
                "OperationError", "Detected small order secure curve points, aborting EDDH derivation"
            ) from error


def _refused(text: str) -> JsException:
    return JsException("InvalidAccessError", text)
