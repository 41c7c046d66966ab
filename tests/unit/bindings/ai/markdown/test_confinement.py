"""What a converter may not do: tried in a process that is confined as a converter is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, socket, subprocess, sys
from paddock.bindings.ai.markdown.confinement import confine
from paddock.bindings.ai.markdown.documents import Limits

mine = sys.argv[1]
confine(Limits(memory_bytes=256 * 1024**2))

def attempt(function):
    try:
        function()
    except BaseException as error:
        return type(error).__name__
    return "done"

results = {
    "connect": attempt(lambda: socket.create_connection(("127.0.0.1", 9))),
    "look up": attempt(lambda: socket.getaddrinfo("localhost", 80)),
    "listen": attempt(lambda: socket.socket().bind(("127.0.0.1", 0))),
    "run": attempt(lambda: subprocess.run(["true"])),
    "fork": attempt(os.fork),
    "system": attempt(lambda: os.system("true")),
    "read": attempt(lambda: open(mine)),
    "read low": attempt(lambda: os.open(mine, os.O_RDONLY)),
    "write": attempt(lambda: open(mine, "w")),
    "write beside": attempt(lambda: open(os.path.join(sys.prefix, "paddock-test"), "w")),
    "up": attempt(lambda: open(os.path.join(sys.prefix, "..", "..", "..", "..", "..", mine.lstrip("/")))),
    "memory": attempt(lambda: bytearray(512 * 1024**2)),
    "import": attempt(lambda: __import__("xml.dom.minidom")),
    "import ours": attempt(lambda: __import__("paddock.bindings.ai.markdown.readers.xml")),
}
os.write(1, json.dumps(results).encode())
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    file: Path = tmp_path_factory.mktemp("private") / "secret"
    file.write_text("secret")
    command = [sys.executable, "-c", SCRIPT, str(file)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)


@pytest.mark.parametrize(
    "attempt",
    ["connect", "look up", "listen", "run", "fork", "system", "read", "read low", "write", "write beside", "up"],
)
def test_is_refused(results: dict[str, str], attempt: str) -> None:
    assert results[attempt] == "PermissionError"


def test_memory_ends(results: dict[str, str]) -> None:
    assert results["memory"] == "MemoryError"


@pytest.mark.parametrize("attempt", ["import", "import ours"])
def test_readers_can_still_be_imported(results: dict[str, str], attempt: str) -> None:
    assert results[attempt] == "done"
