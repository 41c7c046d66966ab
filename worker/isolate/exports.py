"""Functions of this isolate that others may call: each by a token that cannot be guessed, until it is withdrawn."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from paddock.worker.isolate.web.errors import JsException

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.worker.isolate.rpc import JsRpcStub

__all__ = ["Exports"]

_TOKEN_BYTES = 16


class Exports:
    """By token. Arguments are withdrawn when their call has returned, results when the event that gave them is over."""

    def __init__(self) -> None:
        self._stubs: dict[str, JsRpcStub] = {}

    def add(self, stub: JsRpcStub) -> str:
        """The token of a function that others may call from now on."""
        token = secrets.token_hex(_TOKEN_BYTES)
        self._stubs[token] = stub
        return token

    def find(self, token: str) -> JsRpcStub:
        """The function of a token. Raises JsException when it is gone, in the runtime's words."""
        if token not in self._stubs:
            raise JsException("Error", "RPC stub used after being disposed.")
        return self._stubs[token]

    def withdraw(self, tokens: Iterable[str]) -> None:
        """Nobody may call these any more."""
        for token in tokens:
            self._stubs.pop(token, None)
