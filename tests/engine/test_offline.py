"""Paddock in a network of its own that leads nowhere: everything works, and nothing even tries to get out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")


def can_be_alone() -> bool:
    """Whether this machine lets a user have a network namespace."""
    try:
        return subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_be_alone(), reason="this machine makes no network namespaces for users")
def test_starting_listing_checking_and_running_leave_the_machine_alone() -> None:
    """WA-150: the kernel counts what had no way out, whichever process and library wanted it."""
    command = [*_UNSHARE, sys.executable, str(HERE / "alone.py")]
    result = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert "@cf/microsoft/phi-2" in seen["listed"]
    assert (seen["checked"], seen["stopped"]) == (0, 0)
    assert "stand-in" in seen["answer"]
    assert seen["control"] == 1, "what does try is counted"
    assert seen["tries"] == 0
