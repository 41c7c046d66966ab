"""How commands talk to the dev server that runs."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from paddock.worker.cli.arguments import add_config_arguments, add_state_argument
from paddock.worker.errors import NoServer, RequestRefused

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from paddock.worker.cli.arguments import Parser
    from paddock.worker.config.loading import Config

__all__ = ["add_server_arguments", "ask", "connected"]

_EVERYWHERE = ("0.0.0.0", "::", "localhost")


class _Address(NamedTuple):
    """Where the server should be; the file that says so, if any."""

    url: str
    told_by: Path | None = None


def add_server_arguments(parser: Parser) -> None:
    """`--port`, and where the project and its state are."""
    add_config_arguments(parser)
    add_state_argument(parser)
    parser.add_argument(
        "-p", "--port", type=int, metavar="N", help="port of the dev server (default: that of the project's newest)"
    )


@contextlib.contextmanager
def connected(arguments: Namespace) -> Iterator[httpx.Client]:
    """A client of the project's server. Raises NoServer where nothing answers, RequestRefused on half an answer."""
    import httpx

    from paddock.worker.config.loading import load_config
    from paddock.worker.config.settings import Overrides

    # Also the server of a handler's file alone is found, by the state folder beside it.
    overrides = Overrides(persist_to=arguments.persist_to)
    config = load_config(arguments.config, arguments.env, overrides, is_optional=True)
    address = _address(config, arguments.port)
    token = {"authorization": f"Bearer {config.paddock.api_token}"} if config.paddock.api_token else {}
    try:
        # A load takes as long as it takes, and the server has limits of its own.
        # The certificate is one that the server made for itself; without https, nobody would say who answers, either.
        with httpx.Client(base_url=address.url, timeout=None, headers=token, trust_env=False, verify=False) as client:
            yield client
    except httpx.ConnectError as error:
        raise NoServer(address.url, address.told_by) from error
    except httpx.TransportError as error:  # a stream that fails in the middle has no other way to say so
        raise RequestRefused("The answer broke off.", hint="The server's log says why.") from error


def _address(config: Config, port: int | None) -> _Address:
    """By `--port`; within `paddock exec`, its server; the newest that runs; or where the configuration wants one."""
    from paddock.worker.whereabouts import place, running

    if port is None and (url := os.environ.get("PADDOCK_URL")):
        return _Address(url)
    if port is None and (servers := running(config.state)):
        newest, *others = servers
        if others:
            told = ", ".join(other.url for other in others)
            print(f"Asking {newest.url}, the newest dev server of the project; --port asks {told}.", file=sys.stderr)
        return _Address(newest.url, place(config.state, newest.pid))
    ip = "127.0.0.1" if config.dev.ip in _EVERYWHERE else config.dev.ip
    host = f"[{ip}]" if ":" in ip else ip
    return _Address(f"{config.dev.local_protocol}://{host}:{port or config.dev.port}")


def ask(client: httpx.Client, name: str, order: dict[str, Any] | None = None) -> Any:
    """The answer of an endpoint below /cdn-cgi/local/ai/: a GET without an order. Raises RequestRefused."""
    path = f"/cdn-cgi/local/ai/{name}"
    answer = client.get(path) if order is None else client.post(path, json=order)
    if answer.is_error:
        raise RequestRefused(answer.text)
    return answer.json()
