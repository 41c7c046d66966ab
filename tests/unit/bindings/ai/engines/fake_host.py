"""A host process without vLLM: the real step loop over an engine that counts. Runs in the child, found by PYTHONPATH.

What it does is asked for in the model's name (`fails`, `dies`, `hangs`, or `deaf`, which dies of its first request
without reading it) and in the prompt: the words of the prompt come back one per step, then `<end>`; `forever` never
ends, `crash` breaks a step, `die` is a kill, `bad` a request at fault, `broken` a failure that only this one suffers.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from paddock.bindings.ai.engines.frames import Add, Progress, Ready
from paddock.bindings.ai.engines.reading import Read
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused, StepOutput, run

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from paddock.bindings.ai.engines.adapters import Slot
    from paddock.bindings.ai.engines.link import ServerLink
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["main"]

CONTEXT_TOKENS = 1000


class CountingEngine:
    input_errors: tuple[type[Exception], ...] = (ValueError,)

    def __init__(self, takes_adapters: bool) -> None:
        self.takes_adapters = takes_adapters
        self._running: dict[int, Iterator[str]] = {}

    def render(self, add: Add) -> Prompt:
        words = (add.prompt or " ".join(message.content for message in add.messages or ())).split()
        if words[:1] == ["bad"]:
            raise ValueError("temperature must be positive")
        if words[:1] == ["broken"]:
            raise RuntimeError("no space left on device")
        wanted = len(words) + add.sampling.max_tokens
        if wanted > CONTEXT_TOKENS:
            raise RequestRefused("context", "too long", (wanted, CONTEXT_TOKENS))
        return Prompt(words, len(words))

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        name = [] if slot is None else [f"{slot.name}#{slot.id}:"]
        self._running[add.id] = iter([*name, *prompt.tokens, "<end>"])
        if prompt.tokens[:1] == ["forever"]:
            self._running[add.id] = iter(lambda: "again", None)

    def abort(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._running.pop(id, None)

    def step(self) -> list[StepOutput]:
        select.select([], [], [], 0.001)  # a step takes a little, or `forever` would fill the machine
        return [self._output(id, next(words)) for id, words in list(self._running.items())]

    def _output(self, id: int, word: str) -> StepOutput:
        if word == "crash":
            raise RuntimeError("the kernels are broken")
        if word == "die":
            sys.stderr.write("last words\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if word != "<end>":
            return StepOutput(id, Read(f"{word} "), 1, None, 0)
        del self._running[id]
        return StepOutput(id, Read(""), 1, "stop", 0)

    def counts(self) -> tuple[int, int]:
        return len(self._running), 0

    def kv_cache_usage(self) -> float:
        return 0.5

    def sleep(self, *, is_asleep: bool) -> None:
        sys.stdout.write(f"asleep {is_asleep}\n")
        sys.stdout.flush()

    def load_adapter(self, slot: Slot) -> None:
        if slot.name == "unloadable":
            raise ValueError("no such module in the model")

    def unload_adapter(self, slot: Slot) -> None:
        """Nothing to free."""


def load(link: ServerLink, settings: EngineSettings) -> tuple[CountingEngine, Ready]:
    link.send(Progress("model"))
    sys.stdout.write(f"loading {settings.served_name}\n")
    sys.stdout.flush()
    match settings.served_name:
        case "fails":
            raise RuntimeError("no weights in this folder")
        case "dies":
            os._exit(7)
        case "hangs":
            signal.pause()
    ready = Ready(os.getpid(), "0", "0", "cpu", "float32", CONTEXT_TOKENS, 8, CONTEXT_TOKENS, {"model": 0.0})
    if settings.served_name == "deaf":
        link.send(ready)
        select.select([link._sock], [], [])
        os.kill(os.getpid(), signal.SIGKILL)
    return CountingEngine(settings.enable_lora), ready


def main(sock: socket.socket) -> NoReturn:
    run(sock, load)
