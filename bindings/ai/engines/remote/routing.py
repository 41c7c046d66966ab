"""Which of several servers gets a request: the least busy, and among those the one whose prefix cache may know it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.protocol import EngineRequest

__all__ = ["Candidate", "affinity_key", "choose"]

#: How many open requests more than the least busy one a server may have and still be chosen for its cache: this many,
#: or this part of the load. A prefix that all prompts share must not gather them on one server.
_SLACK: Final = 4
_SLACK_SHARE: Final = 8
#: A conversation is told apart by its beginning, up to the user's first turn, which later turns leave as it is.
_KEY_CHARACTERS: Final = 1024
#: A text that goes on growing is told apart by what is there early.
_PROMPT_CHARACTERS: Final = 256


class Candidate(Protocol):
    """A server to choose from."""

    @property
    def url(self) -> str: ...

    @property
    def open(self) -> int:
        """Requests of ours that it works on."""
        ...


_C = TypeVar("_C", bound=Candidate)


def affinity_key(request: EngineRequest) -> bytes:
    """Equal for requests that begin alike, and so share what a prefix cache holds."""
    adapter = request.adapter.name if request.adapter is not None else ""
    if request.messages is None:
        return f"{adapter}\0{(request.prompt or '')[:_PROMPT_CHARACTERS]}".encode("utf-8", "replace")
    parts = [adapter]
    for message in request.messages:
        parts += [message.role, message.content[:_KEY_CHARACTERS]]
        if message.role == "user":
            break
    return "\0".join(parts)[:_KEY_CHARACTERS].encode("utf-8", "replace")


def choose(servers: Sequence[_C], key: bytes) -> _C:
    """The server for a request with this key. At least one has to be given.

    Rendezvous hashing: each server has a weight for each key, and the heaviest wins, so a server that comes or goes
    moves only the keys that it had.
    """
    least = min(server.open for server in servers)
    slack = max(_SLACK, least // _SLACK_SHARE)
    free = [server for server in servers if server.open <= least + slack]
    return free[0] if len(free) == 1 else max(free, key=lambda server: _weight(server.url, key))


def _weight(url: str, key: bytes) -> bytes:
    return blake2b(key, digest_size=8, key=blake2b(url.encode(), digest_size=32).digest()).digest()
