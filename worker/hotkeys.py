"""Keys of a terminal session: which there are, the bar that shows them, and the terminal that they are read from.

Only where input and output are a terminal, and this process is in its foreground: nothing is read otherwise. The
terminal keeps making signals of ctrl-C and ctrl-Z, and is as it was when the session ends, however that comes about.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import termios
import tty
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.log import flush

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

__all__ = ["Hotkey", "bar", "has_terminal", "listen_to_keys"]

logger = logging.getLogger(__name__)

_READ_BYTES: Final = 64
#: What arrows and function keys send. ECMA-48, 5.4.
_SEQUENCE: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.|.)?")


class Hotkey(NamedTuple):
    """What keys do. `label` says it in the bar: the first key stands before it."""

    keys: tuple[str, ...]
    label: str
    action: Callable[[], Awaitable[None]]


def has_terminal() -> bool:
    """Whether keys can be read here, and the bar be shown."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # not the terminal that this process belongs to
        return True


def bar(hotkeys: Sequence[Hotkey], columns: int) -> str:
    """The box: one line, or a line for each key where that is wider than the terminal."""
    entries = [f"[{hotkey.keys[0]}] {hotkey.label}" for hotkey in hotkeys]
    lines = [" ".join(entries)]
    if len(lines[0]) + 4 > columns:
        lines = entries
    width = max(map(len, lines))
    inside = [f"│ {line.ljust(width)} │" for line in lines]
    return "\n".join([f"╭{'─' * (width + 2)}╮", *inside, f"╰{'─' * (width + 2)}╯"])


async def listen_to_keys(hotkeys: Sequence[Hotkey]) -> None:
    """Show the bar, and do what keys say until cancelled. What an action raises is logged, and ends nothing."""
    actions = {key: hotkey for hotkey in hotkeys for key in hotkey.keys}
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:

        def read() -> None:
            text = os.read(descriptor, _READ_BYTES).decode(errors="replace")
            if not text:  # the terminal hung up
                loop.remove_reader(descriptor)
                ended.set()
            for key in _SEQUENCE.sub("", text).lower():
                if key in actions:
                    tasks.create_task(_act(key, actions[key].action))

        descriptor = sys.stdin.fileno()
        with _keys_unbuffered(descriptor):
            loop.add_signal_handler(signal.SIGCONT, tty.setcbreak, descriptor)
            loop.add_reader(descriptor, read)
            flush()
            shown = bar(hotkeys, shutil.get_terminal_size().columns)
            print(shown, file=sys.stderr, flush=True)  # noqa: T201 - whatever the log level
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                loop.remove_signal_handler(signal.SIGCONT)


async def _act(key: str, action: Callable[[], Awaitable[None]]) -> None:
    try:
        await action()
    except Exception as error:  # a key must not end the server
        logger.error("Error while handling hotkey [%s]: %s", key, error)
        logger.debug("hotkey_failed", exc_info=True)


@contextlib.contextmanager
def _keys_unbuffered(descriptor: int) -> Iterator[None]:
    """Keys arrive one by one, unseen. The terminal is given back at the end, at the latest with the process."""
    before = termios.tcgetattr(descriptor)

    def restore() -> None:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    atexit.register(restore)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        restore()
        atexit.unregister(restore)
