"""Carries wheels to a machine without a network, in pieces where a whole wheel does not fit through.

wheels.py collect FOLDER [--have FILE]      with a network: download what `needs.txt` and `alone.txt` name; FILE is
                                            `pip freeze` of the other machine, and what it has is left out
wheels.py split FOLDER PIECES [--mb 40]     cut the wheels into pieces, with SHA-256 sums of every wheel and piece
wheels.py join PIECES FOLDER                put together what has arrived, and say what is still missing
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
_SUMS: Final = "wheels.json"
#: CPython 3.12 on Linux with a C library up to 2.35, which Ubuntu 22.04 has.
_PLATFORMS: Final = (*(f"manylinux_2_{minor}_x86_64" for minor in range(35, 4, -1)), "manylinux2014_x86_64")
_PIECE_MB: Final = 40


class Piece(NamedTuple):
    """A part of a wheel, in a file of its own."""

    name: str
    sha256: str


class Wheel(NamedTuple):
    """A wheel and its parts, in order."""

    name: str
    sha256: str
    pieces: list[Piece]


def collect(folder: Path, have: Path | None) -> None:
    """Download. Raises CalledProcessError with what pip said."""
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    target = ["--python-version", "3.12", "--implementation", "cp", "--only-binary=:all:", *platforms]
    pip = [sys.executable, "-m", "pip", "download", "--dest", str(folder), *target]
    subprocess.run([*pip, "-r", str(HERE / "needs.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "-r", str(HERE / "alone.txt")], check=True)
    there = {_project(line.partition("==")[0]) for line in have.read_text().splitlines()} if have else set()
    wanted = {_project(re.split(r"[^\w.-]", line)[0]) for line in (HERE / "alone.txt").read_text().splitlines()}
    for wheel in folder.glob("*.whl"):
        name = _project(wheel.name.partition("-")[0])
        if name in there - wanted:
            wheel.unlink()


def split(folder: Path, pieces: Path, size_mb: int) -> None:
    """Cut every wheel of a folder."""
    pieces.mkdir(parents=True, exist_ok=True)
    wheels = []
    for wheel in sorted(folder.glob("*.whl")):
        parts = []
        for number, data in enumerate(_parts(wheel, size_mb * 1_000_000)):
            name = f"{wheel.name}.{number:03}"
            (pieces / name).write_bytes(data)
            parts.append(Piece(name, hashlib.sha256(data).hexdigest()))
        wheels.append(Wheel(wheel.name, _sha256(wheel), parts))
    (pieces / _SUMS).write_text(json.dumps(wheels, indent=1))


def join(pieces: Path, folder: Path) -> list[str]:
    """Put wheels together and check them; the names of pieces that are not there yet, or not whole."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for name, sha256, parts in json.loads((pieces / _SUMS).read_text()):
        wheel = folder / name
        if wheel.is_file() and _sha256(wheel) == sha256:
            continue
        lacking = [part for part, expected in parts if not _is_whole(pieces / part, expected)]
        missing += lacking
        if not lacking:
            wheel.write_bytes(b"".join((pieces / part).read_bytes() for part, _ in parts))
            if _sha256(wheel) != sha256:
                raise SystemExit(f"{name}: its pieces are whole, and it is not: split it again")
    return missing


def _parts(file: Path, size: int) -> Iterator[bytes]:
    with file.open("rb") as data:
        while part := data.read(size):
            yield part


def _is_whole(piece: Path, sha256: str) -> bool:
    return piece.is_file() and _sha256(piece) == sha256


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _project(name: str) -> str:
    """A project's name as wheels and requirements may write it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    collecting = commands.add_parser("collect")
    collecting.add_argument("folder", type=Path)
    collecting.add_argument("--have", type=Path)
    splitting = commands.add_parser("split")
    splitting.add_argument("folder", type=Path)
    splitting.add_argument("pieces", type=Path)
    splitting.add_argument("--mb", type=int, default=_PIECE_MB)
    joining = commands.add_parser("join")
    joining.add_argument("pieces", type=Path)
    joining.add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.command == "collect":
        collect(options.folder, options.have)
    elif options.command == "split":
        split(options.folder, options.pieces, options.mb)
    elif missing := join(options.pieces, options.folder):
        raise SystemExit(f"{len(missing)} pieces are missing or not whole:\n" + "\n".join(missing))


if __name__ == "__main__":
    main()
