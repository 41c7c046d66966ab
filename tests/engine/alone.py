"""What test_offline.py runs in an empty network namespace. Prints what it saw as one JSON object."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

PADDOCK = [sys.executable, "-m", "paddock.worker.cli"]
_SIOCSIFFLAGS = 0x8914  # source: linux/sockios.h
_IFF_UP = 1


def loopback_up() -> None:
    """A new namespace has a loopback device, switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def tries() -> int:
    """Packets of this namespace that had nowhere to go, and datagrams: name servers are asked with those."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    counts = {(head[0], name): int(value) for head, row in zip(lines[::2], lines[1::2], strict=True)
              for name, value in zip(head[1:], row[1:], strict=True)}  # fmt: skip
    newer = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    sixes = int(newer["Ip6OutNoRoutes"]) + int(newer["Udp6OutDatagrams"])
    return counts["Ip:", "OutNoRoutes"] + counts["Udp:", "OutDatagrams"] + sixes


def ask(address: dict) -> str:
    """One run of a model over REST."""
    url = f"http://{address['ip']}:{address['port']}/client/v4/accounts/any/ai/run/@cf/microsoft/phi-2"
    body = json.dumps({"prompt": "Who are you?", "temperature": 0, "max_tokens": 64}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body)) as reply:
        return str(json.load(reply)["result"]["response"])


def main() -> None:
    loopback_up()
    listed = subprocess.run([*PADDOCK, "ai", "models", "list"], capture_output=True, text=True)
    checked = subprocess.run([*PADDOCK, "check"], capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready")
        os.mkfifo(ready)
        command = [*PADDOCK, "dev", "--port", "0", "--no-reload", "--log-level", "warn", "--ready-file", str(ready)]
        server = subprocess.Popen(command, stdout=sys.stderr)
        answer = ask(json.loads(ready.read_bytes()))
        server.send_signal(signal.SIGTERM)
        stopped = server.wait()
    tried = tries()
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.connect(("192.0.2.1", 80))  # source: RFC 5737, an address for documentation
    seen = {"listed": listed.stdout, "checked": checked.returncode, "answer": answer, "stopped": stopped}
    json.dump({**seen, "tries": tried, "control": tries() - tried}, sys.stdout)


if __name__ == "__main__":
    main()
