"""The start of an isolate's process."""

import asyncio
import os
import resource
from pathlib import Path

import pytest

from paddock.worker.process import IsolateSettings
from paddock.worker.spawning import spawn_isolate
from paddock.worker.terminal import TerminalDesk
from paddock.worker.watchdog import Limits

_MOST = 512


@pytest.mark.parametrize("free", range(10))
def test_a_start_for_which_there_are_too_few_descriptors_leaves_none_open(tmp_path: Path, free: int) -> None:
    settings = IsolateSettings(
        tmp_path, 1, 1, Limits(), lambda stream, text: None, desk=TerminalDesk(str(tmp_path / "tty"))
    )

    async def main() -> None:
        before = _opened()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = [number for number in range(_MOST) if number not in before]
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest[free], limits[1]))
        try:
            with pytest.raises(OSError):
                await spawn_isolate(settings, lambda stream, line: None)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert _opened() == before

    asyncio.run(main())


def _opened() -> set[int]:
    """The descriptors of this process."""
    return {number for number in range(_MOST) if _is_open(number)}


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
