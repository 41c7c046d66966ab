"""What engine hosts are started with: the code that they run, and their environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HostPlan", "engine_environment"]


class HostPlan(msgspec.Struct, frozen=True):
    """What the fork server imports, and what a host runs. The default is vLLM as it is installed."""

    #: `module:function`; the function gets the host's socket and returns when the host is done.
    host: str = "paddock.bindings.ai.engines.host:main"
    #: Modules to import before forking; `None` is the measured list for the installed vLLM, which then must be there.
    modules: tuple[str, ...] | None = None
    #: Environment on top of `engine_environment`.
    environment: dict[str, str] = {}


def engine_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the fork server and of every host. What a user has set wins, but for the last group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        # One core stays free for the server; more threads than cores spin against each other.
        "OMP_NUM_THREADS": str(max(1, cores - 1)),
        "HF_HUB_OFFLINE": "1",
        # vLLM's warnings then reach standard error unadorned; setting up its own handlers takes 0.1 s of every load.
        "VLLM_CONFIGURE_LOGGING": "0",
        "VLLM_HOST_IP": "127.0.0.1",
        "TOKENIZERS_PARALLELISM": "false",
        **base,
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        # The host's only thread steps the engine itself; a core process of vLLM's would be outside the chain of deaths.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "PYTHONUNBUFFERED": "1",
    }
