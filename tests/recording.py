"""A session of `paddock dev` as a terminal shows it: start, request, error, fix, reload; recorded from the real server.

    make recording      runs it with the real engine and a stand-in, and writes worker/RECORDING.md

Left is what the server's terminal shows, behind the bar what somebody does in another one. Nothing is edited but the
names of folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration" / "session"))

from terminal import Session, spawn  # noqa: E402 - the folder is no package

PAGE: Final = ROOT / "worker" / "RECORDING.md"
COLUMNS: Final = 200
CONFIG: Final = """name = "shop"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]

[ai]
binding = "AI"

[vars]
GREETING = "hello"

[triggers]
crons = ["*/5 * * * *"]
"""
HANDLER: Final = """import json

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        question = json.loads(await request.text())["question"]
        print("somebody asks:", question)
        answer = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": question, "max_tokens": 40, "temperature": 0})
        return Response(answer["response"] + "\\n")
"""
BROKEN: Final = HANDLER.replace('answer["response"]', 'answer["reply"]')
QUESTION: Final = '{"question": "Tell me about lighthouses."}'
_HEAD: Final = """# A session, recorded

`make recording` has written this with the real server, the real engine on the CPU and a stand-in; behind `▌` is what
somebody does in another terminal.

"""


class Recording:
    """The lines of both terminals, in the order of events."""

    def __init__(self, folder: Path, session: Session) -> None:
        self.lines = ["$ paddock dev"]
        self._folder = folder
        self._session = session
        self._taken = 0

    def wait(self, pattern: str) -> None:
        """What the server says up to here, and the rest of its line."""
        end = self._session.expect(pattern).end()
        said = self._session.said
        while "\n" not in said[end:]:
            self._session.expect(r"\n")
            said = self._session.said
        end = said.index("\n", end)
        self.lines += self._told(said[self._taken : end]).split("\n")
        self._taken = end + 1

    def _told(self, text: str) -> str:
        return text.replace(str(self._folder), "~/shop").replace(str(ROOT), "~/paddock")

    def beside(self, *lines: str) -> None:
        """What happens in the other terminal."""
        self.lines += [f"▌ {line}".rstrip() for line in lines]

    def ask(self, url: str) -> None:
        """A question, and what came back."""
        command = ["curl", "-s", url, "-d", QUESTION]
        self.beside(f"$ curl {url} -d '{QUESTION}'")
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.beside(*self._told(answer).rstrip().split("\n"))

    def end(self) -> None:
        """What the server says on its way out."""
        self._session.end(None)
        self.lines += self._told(self._session.said[self._taken :]).strip("\n").split("\n")

    def save(self, text: str, told: str) -> None:
        self.beside(f"(handler.py is saved: {told})")
        (self._folder / "handler.py").write_text(text)


def record(folder: Path) -> list[str]:
    """All of it. The folder is the project."""
    (folder / "wrangler-like.toml").write_text(CONFIG)
    (folder / "handler.py").write_text(HANDLER)
    (folder / ".dev.vars").write_text("TOKEN=nobody-sees-this\n")
    environment = os.environ | {"NO_COLOR": "1", "TERM": "xterm", "COLUMNS": str(COLUMNS)}
    session = spawn([sys.executable, "-m", "paddock.worker.cli", "dev"], folder, environment, COLUMNS)
    try:
        recording = Recording(folder, session)
        recording.wait(r"Ready on http://localhost:\d+")
        url = session.said.partition("Ready on ")[2].split()[0]
        recording.wait("╯")
        for text, told in ((HANDLER, ""), (BROKEN, 'answer["reply"]'), (HANDLER, 'answer["response"]')):
            if told:
                recording.save(text, told)
                recording.wait("updated and ready")
            recording.ask(url)
            recording.wait("POST / ")
        recording.beside("(the key x)")
        session.press("x")
        recording.end()
    finally:
        session.close()
    return [line.rstrip() for line in recording.lines]


def main() -> int:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        lines = record(Path(folder).resolve())
    PAGE.write_text(f"{_HEAD}```console\n" + "\n".join(lines) + "\n```\n")
    print(PAGE.read_text())  # noqa: T201 - a script that talks to a person
    return 0


if __name__ == "__main__":
    sys.exit(main())
