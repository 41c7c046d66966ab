"""A handler that a command makes: before the start, and when what it is made of was saved."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Makes src/handler.py of parts/answer.txt.
MAKE = """
import pathlib
answer = pathlib.Path("parts/answer.txt").read_text().strip()
print("making", answer)
if answer == "bad":
    raise SystemExit(7)
pathlib.Path("src/handler.py").write_text(f'''
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{answer}")
''')
"""


def test_what_is_built_is_served_and_a_build_that_fails_changes_nothing(edit, tmp_path: Path) -> None:
    """DT-030: requests wait for a build that runs; DT-028."""
    (tmp_path / "make.py").write_text(MAKE)
    (tmp_path / "parts").mkdir()
    part = tmp_path / "parts" / "answer.txt"
    part.write_text("one")
    command = json.dumps(f"{sys.executable} make.py")
    keys = f'build = {{command = {command}, watch_dir = "parts"}}'

    async def run() -> list[str]:
        async with edit(keys=keys) as edited:
            answers = [await edited.text()]
            part.write_text("two")
            await edited.log.line("[custom build] making two")
            answers.append(await edited.text())
            await edited.log.line("⎔ Local server updated and ready")
            part.write_text("bad")
            await edited.log.line("failed with exit code 7")
            answers.append(await edited.text())
            return answers

    assert asyncio.run(run()) == ["one", "two", "two"]
