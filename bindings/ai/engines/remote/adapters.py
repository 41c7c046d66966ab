"""LoRA adapters of one server: named there already, or loaded through its API before their first use."""

from __future__ import annotations

import asyncio
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.remote.refusals import ServerBusy, ServerLost, parse_error
from paddock.bindings.errors import EngineUnavailable, InputError, LoraNotFound

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import Adapter
    from paddock.bindings.ai.engines.remote.http import Http, Reply
    from paddock.bindings.ai.engines.remote.refusals import ServerError

__all__ = ["ServerAdapters"]

#: vLLM's answers, entrypoints/openai/models/serving.py.
_LOADED_ALREADY: Final = re.compile(r"already been loaded")
_NOT_FOUND: Final = re.compile(r"No adapter found|does not exist|not found", re.I)
_LORA_OFF: Final = re.compile(r"lora is not enabled|enable[_-]lora", re.I)


class ServerAdapters:
    """Knows by which model name the server answers with an adapter. Loads each once, however many calls want it."""

    def __init__(self, http: Http, url: str, known: dict[str, str], timeout_s: float) -> None:
        self._http = http
        self._url = url
        self._known = set(known)
        self._timeout_s = timeout_s
        self._loading = asyncio.Lock()

    async def name(self, adapter: Adapter) -> str:
        """The model name to ask for. Raises LoraNotFound, InputError, EngineUnavailable, ServerLost, ServerBusy."""
        if adapter.name in self._known:
            return adapter.name
        own = _own_name(adapter)
        if own not in self._known:
            async with self._loading:
                if own not in self._known:
                    await self._load(adapter, own)
                    self._known.add(own)
        return own

    def forget(self, adapter: Adapter) -> bool:
        """The server does not know it any more, since it was started anew. False when we did not load it."""
        own = _own_name(adapter)
        if own not in self._known:
            return False
        self._known.discard(own)
        return True

    async def _load(self, adapter: Adapter, own: str) -> None:
        if not adapter.path:
            listed = ", ".join(sorted(self._known)) or "none"
            raise LoraNotFound(
                adapter.name,
                hint=f"{self._url} has the adapters {listed}; lora of the model's table names more, by folders there.",
            )
        content = msgspec.json.encode({"lora_name": own, "lora_path": adapter.path})
        url = f"{self._url}/v1/load_lora_adapter"
        reply = await self._http.ask("POST", url, timeout_s=self._timeout_s, content=content)
        if reply.status != 200:
            self._judge(adapter, reply)

    def _judge(self, adapter: Adapter, reply: Reply) -> None:
        """Raise what the answer means; an adapter that somebody else has just loaded is one that is loaded."""
        error = parse_error(reply.status, reply.content)
        if _LOADED_ALREADY.search(error.message):
            return
        if reply.status == 502:
            raise ServerLost(f"loading an adapter: {error.message}")
        if reply.status == 503:
            raise ServerBusy(error.message)
        if reply.status in (401, 403, 405) or (reply.status == 404 and not _is_of_vllm(error)):
            raise EngineUnavailable(
                f"{self._url} does not have the adapter {adapter.name}, and loads none while it runs ({reply.status}).",
                hint="Start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 and --enable-lora, or with --lora-modules "
                f"{adapter.name}={adapter.path}.",
            )
        if _LORA_OFF.search(error.message):
            raise EngineUnavailable(
                f"{self._url} takes no adapters: {error.message}", hint="Start it with --enable-lora."
            )
        if reply.status == 404 or _NOT_FOUND.search(error.message):
            raise LoraNotFound(
                adapter.name, hint=f"{self._url} looked in {adapter.path} on its machine: {error.message}"
            )
        raise InputError(f"Error: adapter {adapter.name}: {self._url} cannot use it: {error.message}")


def _own_name(adapter: Adapter) -> str:
    """A name of its own for each folder: two models may each have another adapter of one name on one server."""
    return f"{adapter.name}#{blake2b(adapter.path.encode(), digest_size=4).hexdigest()}"


def _is_of_vllm(error: ServerError) -> bool:
    """Told apart from the 404 of a path that the server does not have."""
    return error.message not in ("Not Found", "Not found", "")
