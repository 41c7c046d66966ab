"""What callers of an engine host are told when it refuses a request, cannot load, or dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from paddock.bindings.errors import (
    ContextOverflow,
    EngineDead,
    EngineError,
    EngineUnavailable,
    InputError,
    InvalidImage,
    JsonModeUnmet,
    LoraNotFound,
    LoraUnsupported,
    OptionUnsupported,
    TextTooLong,
)

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.frames import Phase, Refused
    from paddock.bindings.ai.engines.protocol import EngineRequest
    from paddock.bindings.errors import PaddockError

__all__ = ["closed_error", "death_error", "load_error", "refusal_error"]


def refusal_error(refused: Refused, request: EngineRequest, model: str) -> PaddockError:
    """The host's refusal of one request."""
    match refused.kind:
        case "context":
            return ContextOverflow(*refused.parameters)
        case "input":
            return InputError(f"Error: {refused.message}")
        case "structure":
            return JsonModeUnmet(hint=refused.message)
        case "lora_missing":
            return LoraNotFound("" if request.adapter is None else request.adapter.name, hint=refused.message)
        case "lora_off":
            return LoraUnsupported(model)
        case "tools_off":
            return OptionUnsupported(f"tools: {refused.message}")
        case "sight_off":
            return OptionUnsupported(f"images: {model} {refused.message}")
        case "image":
            return InvalidImage(refused.message)
        case "work_off":
            return OptionUnsupported(f"{model} {refused.message}")
        case "text":
            return TextTooLong(*refused.parameters)
        case "internal":
            return EngineError(f"{model}: the engine failed on this request: {refused.message}")
        case kind:
            assert_never(kind)


def load_error(model: str, phase: Phase, cause: str) -> EngineUnavailable:
    """A load that failed in this phase."""
    return EngineUnavailable(
        f"The engine of {model} did not load (phase {phase}): {cause}", hint=_memory_hint(cause).strip()
    )


def closed_error(model: str) -> EngineDead:
    """An engine that was ended on purpose."""
    return EngineDead(f"The engine of {model} was closed while it worked on this call.")


def death_error(model: str, pid: int | None, cause: str, *, was_read: bool) -> EngineDead:
    """An engine that ended by itself, or had to be killed. `was_read`: whether it may have seen the call."""
    return EngineDead(
        f"The engine of {model} died while it worked on this call: process {pid} {cause}.",
        hint="The next call starts it again." + _memory_hint(cause),
        was_read=was_read,
    )


def _memory_hint(cause: str) -> str:
    if "SIGKILL" in cause:
        return " A kill that nobody sent is most often the machine running out of memory."
    return " Native code that aborts has most often no memory or threads left." if "SIGABRT" in cause else ""
