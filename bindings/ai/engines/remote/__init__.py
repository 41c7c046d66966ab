"""One model served by one to many vLLM OpenAI servers over HTTP, behind the contract of `protocol.Engine`."""

from __future__ import annotations

from paddock.bindings.ai.engines.remote.engine import RemoteEngine
from paddock.bindings.ai.engines.remote.settings import RemoteSettings

__all__ = ["RemoteEngine", "RemoteSettings"]
