"""What a model takes of the machine's memory, and what there is. Read from /proc; elsewhere nothing is known."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["available_bytes", "fits_memory", "resident_bytes"]

#: An engine host before its weights: interpreter, torch and vLLM, less what it shares with the fork server.
_HOST_BYTES: Final = 500 * 2**20
#: Weights are read into memory once, and their files are about as large.
_WEIGHT_FILES: Final = ("*.safetensors", "*.bin")


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that programs can have without swapping; None where the system does not say."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def fits_memory(weights: str) -> bool:
    """True when a model with this folder of weights can be loaded beside what runs already."""
    available = available_bytes()
    if available is None:
        return True
    files = [file for pattern in _WEIGHT_FILES for file in Path(weights).glob(pattern)]
    return _HOST_BYTES + sum(file.stat().st_size for file in files) <= available


def resident_bytes(pid: int) -> int | None:
    """The memory of a process, shared pages counted in part; None when it is gone or the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)
