"""LoRA adapters of one host: checked before the engine sees them, and never more active than is safe. No vLLM here.

Why the engine is not trusted with either: `generate` with an adapter that is missing or of too high a rank ends vLLM's
engine for everybody; and on the CPU, vLLM 0.32 gives a request without adapter the weights of the last slot, so that
slot must stay empty (vLLM pull requests 48421 and 49656).
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.engines.checkpoint import CheckpointBroken, safetensors_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.engines.frames import Refusal
    from paddock.bindings.ai.engines.protocol import Adapter

__all__ = ["AdapterRefused", "AdapterSlots", "Fingerprint", "Slot", "check_adapter"]

#: (device and inode, size, time of change) of each file: another content is another adapter.
Fingerprint = tuple[tuple[int, int, int, int], ...]

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")


class AdapterRefused(Exception):
    """The adapter is missing, or is none that this engine can run."""

    def __init__(self, kind: Refusal, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Config(msgspec.Struct):
    """What we read of PEFT's adapter_config.json."""

    r: int
    peft_type: str = "LORA"
    rank_pattern: dict[str, int] | None = None


def check_adapter(adapter: Adapter, max_rank: int) -> Fingerprint:
    """The fingerprint of an adapter that fits.

    Raises AdapterRefused for a missing folder or file, another method than LoRA, and a rank over `max_rank`, whether
    the configuration says it or the tensors do.
    """
    folder = Path(adapter.path)
    config_path = folder / _CONFIG
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is None or not config_path.is_file():
        lacking = _CONFIG if not config_path.is_file() else _WEIGHTS[0]
        raise AdapterRefused("lora_missing", f"{folder} has no {lacking}")
    try:
        config = msgspec.json.decode(config_path.read_bytes(), type=_Config)
    except msgspec.MsgspecError as exc:
        raise AdapterRefused("input", f"adapter {adapter.name}: {config_path}: {exc}") from exc
    if config.peft_type != "LORA":
        raise AdapterRefused("input", f'adapter {adapter.name}: expected peft_type "LORA", got "{config.peft_type}"')
    ranks = [config.r, *(config.rank_pattern or {}).values(), *_tensor_ranks(adapter, weights)]
    if max(ranks) > max_rank or min(ranks) < 1:
        wrong = max(ranks) if max(ranks) > max_rank else min(ranks)
        raise AdapterRefused("input", f"adapter {adapter.name}: expected a rank of 1 to {max_rank}, got {wrong}")
    return tuple(_identity(path) for path in (config_path, weights))


def _identity(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _tensor_ranks(adapter: Adapter, weights: Path) -> list[int]:
    """The rank that each A matrix really has; empty for a pickle, which only the engine opens."""
    if weights.suffix != ".safetensors":
        return []
    try:
        header = safetensors_header(weights)
        return [tensor["shape"][0] for name, tensor in header.items() if "lora_A" in name]
    except CheckpointBroken as exc:
        raise AdapterRefused("input", f"adapter {adapter.name}: {exc}") from exc
    except (LookupError, TypeError) as exc:
        raise AdapterRefused("input", f"adapter {adapter.name}: {weights} has a tensor without a shape") from exc


class Slot:
    """One adapter in the engine. `id` is vLLM's and is never used again for another adapter or content."""

    __slots__ = ("id", "name", "path", "users")

    def __init__(self, id: int, adapter: Adapter) -> None:
        self.id = id
        self.name = adapter.name
        self.path = adapter.path
        #: Requests that need it; the one who ends a request takes one off.
        self.users = 0


class AdapterSlots:
    """Which adapters are active. At most `count` are, and one with a request left is never taken out."""

    def __init__(
        self, count: int, max_rank: int, *, load: Callable[[Slot], None], unload: Callable[[Slot], None]
    ) -> None:
        self._count = count
        self._max_rank = max_rank
        self._load = load
        self._unload = unload
        self._ids = itertools.count(1)
        # In order of last use: the first idle one goes.
        self._slots: dict[tuple[str, str, Fingerprint], Slot] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The active adapters, least recently used first."""
        return tuple(slot.name for slot in self._slots.values())

    def take(self, adapter: Adapter) -> Slot | None:
        """The adapter's slot with one more user, loaded if need be; None while every slot has users.

        An adapter without users stays until its slot is needed.

        Raises AdapterRefused for one that does not fit, and whatever `load` raises.
        """
        key = (adapter.name, adapter.path, check_adapter(adapter, self._max_rank))
        slot = self._slots.pop(key, None)
        if slot is None:
            if not self._make_room():
                return None
            slot = Slot(next(self._ids), adapter)
            self._load(slot)
        self._slots[key] = slot
        slot.users += 1
        return slot

    def _make_room(self) -> bool:
        if len(self._slots) < self._count:
            return True
        idle = next((key for key, slot in self._slots.items() if slot.users == 0), None)
        if idle is None:
            return False
        self._unload(self._slots.pop(idle))
        return True
