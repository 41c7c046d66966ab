"""How commands talk to the dev server that runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from paddock.worker.cli.arguments import add_config_arguments
from paddock.worker.errors import NoServer

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    import httpx

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_server_arguments", "ask", "connected"]

_EVERYWHERE = ("0.0.0.0", "::", "localhost")


def add_server_arguments(parser: Parser) -> None:
    """`--port`, and where the project is."""
    add_config_arguments(parser)
    parser.add_argument("-p", "--port", type=int, metavar="N", help="port of the dev server (default: the project's)")


@contextlib.contextmanager
def connected(arguments: Namespace) -> Iterator[httpx.Client]:
    """A client of the project's dev server. Raises NoServer where nothing answers."""
    import httpx

    from paddock.worker.config.loading import load_config
    from paddock.worker.config.settings import Overrides

    config = load_config(arguments.config, arguments.env, Overrides())
    port = arguments.port or config.dev.port
    ip = "127.0.0.1" if config.dev.ip in _EVERYWHERE else config.dev.ip
    host = f"[{ip}]" if ":" in ip else ip
    token = {"authorization": f"Bearer {config.paddock.api_token}"} if config.paddock.api_token else {}
    try:
        # A load takes as long as it takes, and the server has limits of its own.
        # The certificate is one that the server made for itself; without https, nobody would say who answers, either.
        address = f"{config.dev.local_protocol}://{host}:{port}"
        with httpx.Client(base_url=address, timeout=None, headers=token, trust_env=False, verify=False) as client:
            yield client
    except httpx.ConnectError as error:
        raise NoServer(f"{ip}:{port}") from error


def ask(client: httpx.Client, name: str, order: dict[str, Any] | None = None) -> Any:
    """The answer of an endpoint below /cdn-cgi/local/ai/: a GET without an order. Raises RequestRefused."""
    from paddock.worker.errors import RequestRefused

    path = f"/cdn-cgi/local/ai/{name}"
    answer = client.get(path) if order is None else client.post(path, json=order)
    if answer.is_error:
        raise RequestRefused(answer.text)
    return answer.json()
