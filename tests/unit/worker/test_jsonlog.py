"""The log for programs."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from paddock.worker.jsonlog import JsonFormatter, print_line
from paddock.worker.log import LOG, set_up_logging


@pytest.fixture
def written() -> Any:
    """Where the log goes."""
    stream = io.StringIO()
    set_up_logging("debug", stream=stream, formatter=JsonFormatter(['pass"word']))
    return stream


def test_every_line_is_an_object(written: io.StringIO) -> None:
    """DT-025: also one of several lines, with a traceback, with what JSON escapes."""
    logger = logging.getLogger("paddock.test")
    logger.log(LOG, "two\nlines %s", '"quoted"')
    try:
        raise ValueError("boom")
    except ValueError:
        logger.exception("it_failed")
    logger.warning("careful")
    first, second, third = (json.loads(line) for line in written.getvalue().splitlines())
    assert (first["level"], first["source"], first["message"]) == ("log", "paddock.test", 'two\nlines "quoted"')
    assert second["level"] == "error" and "ValueError: boom" in second["traceback"]
    assert third["level"] == "warn" and "traceback" not in third


def test_secrets_are_hidden(written: io.StringIO) -> None:
    """DT-004: one that JSON escapes as well."""
    logging.getLogger("paddock.test").info('it is pass"word')
    assert json.loads(written.getvalue())["message"] == "it is (hidden)"


def test_what_the_worker_prints_is_an_object_too(capfd: pytest.CaptureFixture[str]) -> None:
    """DT-025"""
    print_line("stderr", 'he said "hi"')
    line = json.loads(capfd.readouterr().out)
    assert (line["source"], line["stream"], line["message"]) == ("worker", "stderr", 'he said "hi"')
