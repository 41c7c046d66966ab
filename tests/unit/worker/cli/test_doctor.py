"""What the machine has, as `paddock doctor` sees it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from paddock.worker.cli import doctor, main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_machine_without_a_gpu_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DT-056: every line is there, also outside of a project; the exit code only tells whether models can run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    code = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    names = " ".join(line.split()[0] for line in lines[: lines.index("")])
    assert names == "paddock python engine torch processors memory gpu disk weights port configuration"
    assert "none (no nvidia-smi)" in next(line for line in lines if line.startswith("gpu"))
    assert (code == 0) == lines[-1].startswith("\N{HEAVY CHECK MARK}")


def test_gpus_are_listed_as_the_driver_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DT-056"""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 570.86.15, 81559, 80994, 9.0'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (line,) = doctor.gpus()
    assert line == "NVIDIA H100 80GB HBM3, driver 570.86.15, 80994 of 81559 MiB free, compute capability 9.0"


def test_broken_driver_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (line,) = doctor.gpus()
    assert line.startswith("nvidia-smi failed: ") and "9" in line


def test_port_in_use_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert "is in use" in doctor.port(number)
    assert "is free" in doctor.port(number)
