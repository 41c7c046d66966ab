"""What a child prints is handed on line by line, and all of it when somebody asks."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from paddock.worker.outputpipe import OutputPipe

if TYPE_CHECKING:
    from collections.abc import Callable


def run_with_pipe(check: Callable[[OutputPipe, list[bytes]], object]) -> list[bytes]:
    """What the pipe has handed on when `check` is done with it and both ends are closed."""
    lines: list[bytes] = []

    async def run() -> None:
        pipe = OutputPipe(lines.append)
        check(pipe, lines)
        os.close(pipe.writing)
        await pipe.ended.wait()

    asyncio.run(run())
    return lines


def test_lines_come_when_their_ends_do() -> None:
    def check(pipe: OutputPipe, lines: list[bytes]) -> None:
        os.write(pipe.writing, b"one\ntwo")
        pipe.catch_up()
        assert lines == [b"one"]
        os.write(pipe.writing, b" and a half\n")

    assert run_with_pipe(check) == [b"one", b"two and a half"]


def test_what_has_no_end_comes_at_the_end_of_all() -> None:
    assert run_with_pipe(lambda pipe, _: os.write(pipe.writing, b"last")) == [b"last"]


def test_a_very_long_line_comes_in_parts() -> None:
    def check(pipe: OutputPipe, lines: list[bytes]) -> None:
        for _ in range(3):  # a pipe holds 64 KiB
            os.write(pipe.writing, b"x" * 60_000)
            pipe.catch_up()
        assert [len(line) for line in lines] == [120_000]

    assert sum(map(len, run_with_pipe(check))) == 180_000


def test_catching_up_waits_for_nothing() -> None:
    def check(pipe: OutputPipe, lines: list[bytes]) -> None:
        pipe.catch_up()
        assert not lines

    assert run_with_pipe(check) == []


def test_closing_twice_is_closing_once() -> None:
    lines: list[bytes] = []

    async def run() -> None:
        pipe = OutputPipe(lines.append)
        os.write(pipe.writing, b"rest")
        pipe.catch_up()
        pipe.close()
        pipe.close()
        pipe.catch_up()
        os.close(pipe.writing)

    asyncio.run(run())
    assert lines == [b"rest"]
