"""Engines: what answers a model's requests. The table below is the one place to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.remote import RemoteEngine
from paddock.bindings.ai.engines.scripted import ScriptedEngine

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import Engine

__all__ = ["ENGINES"]

#: Name in the configuration -> class. Constructors differ; what they build keeps the contract of `protocol.Engine`.
ENGINES: dict[str, type[Engine]] = {
    "vllm": EmbeddedEngine,
    "remote": RemoteEngine,
    "scripted": ScriptedEngine,
}
