"""Isolates that are killed again and again under load. The long form, a minute of it, is `storm.py` itself."""

import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).with_name("storm.py")


@pytest.mark.parametrize("isolates", ["1", "3"])
def test_every_request_ends_in_order_and_nothing_is_left(isolates: str) -> None:
    """200 connections for three seconds, and a death every 100 ms."""
    options = ["--seconds", "3", "--every", "0.1", "--connections", "200", "--isolates", isolates]
    done = subprocess.run([sys.executable, STORM, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
