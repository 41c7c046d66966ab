import asyncio
import io
import logging

import pytest

from paddock.worker.logbatch import BatchedHandler


class Written(io.StringIO):
    """A stream that keeps its writes apart."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.full = asyncio.Event()

    def write(self, text: str) -> int:
        self.writes.append(text)
        self.full.set()
        return super().write(text)


@pytest.fixture
def stream() -> Written:
    return Written()


@pytest.fixture
def logger(stream: Written) -> logging.Logger:
    made = logging.Logger("batched")
    made.addHandler(BatchedHandler(stream))
    return made


def test_lines_of_an_event_loop_leave_together_and_in_order(logger: logging.Logger, stream: Written) -> None:
    async def main() -> None:
        logger.info("one")
        logger.info("two")
        assert stream.writes == []
        await stream.full.wait()

    asyncio.run(main())
    assert stream.writes == ["one\ntwo\n"]


def test_a_warning_does_not_wait_and_keeps_its_place(logger: logging.Logger, stream: Written) -> None:
    async def main() -> None:
        logger.info("one")
        logger.warning("two")
        assert stream.writes == ["one\ntwo\n"]

    asyncio.run(main())


def test_without_a_loop_nothing_waits(logger: logging.Logger, stream: Written) -> None:
    logger.info("one")
    assert stream.writes == ["one\n"]


def test_what_an_ended_loop_left_is_written_at_shutdown(logger: logging.Logger, stream: Written) -> None:
    async def main() -> None:
        logger.info("one")

    asyncio.run(main())
    logger.handlers[0].flush()
    assert stream.writes == ["one\n"]


def test_a_line_that_cannot_be_made_takes_no_other_with_it(
    logger: logging.Logger, stream: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    async def main() -> None:
        logger.info("%d", "none")
        logger.info("two")
        await stream.full.wait()

    asyncio.run(main())
    assert stream.writes == ["two\n"]
