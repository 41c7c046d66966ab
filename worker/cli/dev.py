"""`paddock dev`: the dev server."""

from __future__ import annotations

import logging
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker.cli.arguments import UsageError, add_config_arguments, add_state_argument
from paddock.worker.config_settings import Overrides
from paddock.worker.log import LEVELS, LOG, choose_level, set_up_logging
from paddock.worker.options import DevOptions

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "dev_options", "run"]

logger = logging.getLogger(__name__)

_NO_BUILD: Final = "Python workers have no build step."
_OUTSIDE: Final = "Paddock runs everything on this machine."


def add_arguments(parser: Parser) -> None:
    """The flags of `wrangler dev` that mean something here, Paddock's own, and the refused ones."""
    add_config_arguments(parser, has_several=True)
    parser.add_argument("-p", "--port", type=_port, metavar="N", help="port to listen on; 0 takes any free one (8787)")
    parser.add_argument("--ip", metavar="ADDRESS", help="address to listen on (localhost)")
    parser.add_argument(
        "--var", type=_variable, action="append", default=[], metavar="K:V", help="a variable for env; repeatable"
    )
    parser.add_argument(
        "--env-file", type=Path, action="append", default=[], metavar="PATH", help="secrets from this file; repeatable"
    )
    parser.add_argument(
        "--assets", type=Path, metavar="DIR", help="folder of static files, instead of assets.directory"
    )
    add_state_argument(parser)
    parser.add_argument("--log-level", choices=LEVELS, help="how much to print (log; PADDOCK_LOG sets it too)")
    parser.add_argument("--json-logs", action="store_true", help="one JSON object a line, for programs")
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write ip and port there when ready")
    parser.add_argument(
        "--deterministic", action="store_true", help="the same answer to the same request, whatever else runs"
    )
    parser.add_argument("--no-reload", action="store_true", help="leave the worker alone when a file is saved")
    parser.accept("-l", "--local")
    parser.accept("--bundle")
    parser.accept("--no-bundle")
    parser.refuse("-r", "--remote", reason=_OUTSIDE)
    parser.refuse("--tunnel", "--tunnel-name", reason=_OUTSIDE)
    parser.refuse("--minify", "--define", "--alias", "--tsconfig", reason=_NO_BUILD)
    parser.refuse("--jsx-factory", "--jsx-fragment", reason=_NO_BUILD)
    parser.refuse("--enable-containers", reason="Paddock has no containers.")
    parser.refuse("--site", "--site-include", "--site-exclude", reason="Workers Sites are deprecated.")
    parser.refuse("--node-compat", "--legacy-env", reason="wrangler itself has given it up.")


def dev_options(arguments: Namespace) -> DevOptions:
    """The parsed flags as data."""
    try:
        level = choose_level(arguments.log_level)
    except ValueError as exc:  # only PADDOCK_LOG can still be wrong here
        raise UsageError(f"PADDOCK_LOG: {exc}") from exc
    return DevOptions(
        config=next(iter(arguments.config), None),
        others=tuple(arguments.config[1:]),
        env=arguments.env,
        overrides=Overrides(
            ip=arguments.ip,
            port=arguments.port,
            env_files=tuple(arguments.env_file),
            vars=dict(arguments.var),
            deterministic=arguments.deterministic,
            persist_to=arguments.persist_to,
            assets=arguments.assets,
        ),
        log_level=level,
        json_logs=arguments.json_logs,
        ready_file=arguments.ready_file,
        reload=not arguments.no_reload,
    )


def run(arguments: Namespace) -> int:
    """Load the configuration, say what is wrong with it, and serve until the end."""
    from importlib.metadata import version

    from paddock.worker.errors import listed
    from paddock.worker.session import load_session

    options = dev_options(arguments)
    _set_up_logging(options)
    logger.log(LOG, "paddock %s", version("paddock"))
    configs = load_session(options)
    _set_up_logging(options, tuple(secret for config in configs for secret in config.secrets))
    for config in configs:
        for file in config.secrets_files:
            logger.log(LOG, "Using secrets defined in %s", file.name)
        if config.warnings:
            logger.warning("%s", listed(config.warnings, config.path.name))

    from paddock.worker.server import run_dev

    return run_dev(configs, options)


def _set_up_logging(options: DevOptions, secrets: tuple[str, ...] = ()) -> None:
    from paddock.worker.jsonlog import JsonFormatter

    set_up_logging(options.log_level, secrets, formatter=JsonFormatter(secrets) if options.json_logs else None)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ArgumentTypeError(f"expected a number from 0 to 65535; got {text!r}")
    return int(text)


def _variable(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise ArgumentTypeError(f"expected NAME:VALUE; got {text!r}")
    return name, value
