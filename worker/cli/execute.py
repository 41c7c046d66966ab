"""`paddock exec -- COMMAND`: a dev server for as long as a command runs. DT-049."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from paddock.worker.cli.arguments import add_config_arguments, add_state_argument
from paddock.worker.log import LEVELS

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "environment_of", "run"]

#: Shells' own code for a command that is not there, and what they add to the number of a signal.
_NOT_FOUND: Final = 127
_SIGNALLED: Final = 128
#: A clean stop drains requests for `paddock.drain_timeout_s`; whoever is not gone then is killed.
_GRACE_S: Final = 60.0


def add_arguments(parser: Parser) -> None:
    """The server's few flags, and the command behind `--`."""
    add_config_arguments(parser)
    add_state_argument(parser)
    parser.add_argument(
        "-p", "--port", type=int, default=0, metavar="N", help="port to listen on (default: a free one)"
    )
    parser.add_argument("--log-level", choices=LEVELS, default="warn", help="how much the server prints (warn)")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what to run; put -- before it")


def run(arguments: Namespace) -> int:
    """Start the server, run the command, stop the server. Returns the exit code of the command or of a failed start."""
    from paddock.worker.config.loading import load_config

    token = load_config(arguments.config, arguments.env).paddock.api_token
    server, address = _start(_flags(arguments))
    try:
        if address is None:
            return server.wait()
        print(f"paddock exec: {address}", file=sys.stderr)
        return _code(arguments.command, os.environ | environment_of(address, token, os.environ))
    finally:
        _stop(server)


def environment_of(address: str, token: str | None, given: Mapping[str, str]) -> dict[str, str]:
    """What tells tests and SDKs where the server is. Credentials that are there stay, unless there is a token."""
    api = f"{address}/client/v4"
    account = given.get("CLOUDFLARE_ACCOUNT_ID") or "local"
    cloudflare = token or given.get("CLOUDFLARE_API_TOKEN") or "local"
    openai = token or given.get("OPENAI_API_KEY") or "local"
    return {
        "PADDOCK_URL": address,
        "CLOUDFLARE_BASE_URL": api,
        "CLOUDFLARE_API_BASE_URL": api,
        "CLOUDFLARE_ACCOUNT_ID": account,
        "CLOUDFLARE_API_TOKEN": cloudflare,
        "OPENAI_BASE_URL": f"{api}/accounts/{account}/ai/v1",
        "OPENAI_API_KEY": openai,
    }


def _flags(arguments: Namespace) -> list[str]:
    flags = ["--port", str(arguments.port), "--log-level", arguments.log_level, "--no-reload"]
    for name in ("config", "env", "persist_to"):
        if (value := getattr(arguments, name)) is not None:
            flags += [f"--{name.replace('_', '-')}", str(value)]
    return flags


def _start(flags: list[str]) -> tuple[subprocess.Popen[bytes], str | None]:
    """The server and its address, or None where it ended before it was ready.

    It writes its address into a pipe: that wakes this process, as the end of the server does.
    """
    import msgspec

    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-m", "paddock.worker.cli", "dev", *flags, "--ready-file", f"/dev/fd/{writing}"]
        # What the server prints goes to standard error: standard output is the command's.
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=[writing])
        os.close(writing)
        told = os.read(reading, 4096)
    finally:
        os.close(reading)
    if not told:
        return server, None
    place = msgspec.json.decode(told)
    host = f"[{place['ip']}]" if ":" in place["ip"] else place["ip"]
    return server, f"http://{host}:{place['port']}"


def _code(command: list[str], environment: Mapping[str, str]) -> int:
    try:
        code = subprocess.run(command, env=dict(environment), check=False).returncode
    except OSError as error:
        print(f"✘ [ERROR] {command[0]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND
    return code if code >= 0 else _SIGNALLED - code


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
