"""`paddock dev`: the dev server."""

from __future__ import annotations

import gc
import logging
import tempfile
from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import UsageError
from paddock.worker.cli.devflags import add_flags, check_flags, overrides_of
from paddock.worker.log import LOG, choose_level, set_up_logging
from paddock.worker.options import DevOptions

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from paddock.worker.cli.arguments import Parser
    from paddock.worker.config.loading import Config

__all__ = ["add_arguments", "dev_options", "run"]

logger = logging.getLogger(__name__)


def add_arguments(parser: Parser) -> None:
    """The flags: see devflags.py."""
    add_flags(parser)


def dev_options(arguments: Namespace) -> DevOptions:
    """The parsed flags as data."""
    check_flags(arguments)
    try:
        level = choose_level(arguments.log_level)
    except ValueError as exc:  # only PADDOCK_LOG can still be wrong here
        raise UsageError(f"PADDOCK_LOG: {exc}") from exc
    return DevOptions(
        config=next(iter(arguments.config), None),
        others=tuple(arguments.config[1:]),
        env=arguments.env,
        overrides=overrides_of(arguments),
        log_level=level,
        json_logs=arguments.json_logs,
        ready_file=arguments.ready_file,
        reload=not arguments.no_reload,
        live_reload=arguments.live_reload,
        test_scheduled=arguments.test_scheduled,
        https_key=arguments.https_key_path,
        https_certificate=arguments.https_cert_path,
        hotkeys=arguments.show_interactive_dev_session,
        inspect_brk=arguments.inspect_brk,
    )


def run(arguments: Namespace) -> int:
    """Load the configuration, say what is wrong with it, and serve until the end."""
    gc.disable()  # nearly all that is made from here to the first request stays: looking for garbage finds none
    from importlib.metadata import version

    from paddock.worker.errors import listed
    from paddock.worker.session import load_session

    options = dev_options(arguments)
    _set_up_logging(options)
    if options.ready_file is not None:
        _clear_ready_file(options.ready_file)
    banner = f"paddock {version('paddock')}"
    logger.log(LOG, "\n%s\n%s", banner, "─" * len(banner))
    configs = load_session(options)
    if options.https_key is not None and configs[0].dev.local_protocol != "https":
        raise UsageError("--https-key-path and --https-cert-path need --local-protocol https.")
    _set_up_logging(options, tuple(secret for config in configs for secret in config.secrets))
    if not configs[0].has_file:
        logger.log(LOG, "%s", _lone(configs[0]))
    for config in configs:
        for file in config.secrets_files:
            logger.log(LOG, "Using secrets defined in %s", file.name)
        if config.warnings:
            logger.warning("%s", listed(config.warnings, config.source))

    from paddock.worker.server import run_dev

    return run_dev(configs, options)


def _lone(config: Config) -> str:
    return (
        f"No configuration: {config.main.name} runs as {config.name} with the compatibility date "
        f"{config.compatibility_date} and the AI binding {config.ai}. For more, write {config.path.name} beside it."
    )


def _clear_ready_file(path: Path) -> None:
    """Take away what an earlier session wrote: whoever waits for this one must not find it. Raises UsageError."""
    try:
        if path.is_file() or path.is_dir():
            path.unlink()
        elif not path.exists():
            with tempfile.TemporaryFile(dir=path.absolute().parent):
                pass  # it can be written, then, and nobody has seen a file that says nothing
    except OSError as exc:
        what = f"{str(path)!r}: {exc.strerror}"
        raise UsageError(f"argument --ready-file: expected a file that can be written; got {what}") from exc


def _set_up_logging(options: DevOptions, secrets: tuple[str, ...] = ()) -> None:
    from paddock.worker.jsonlog import JsonFormatter

    set_up_logging(options.log_level, secrets, formatter=JsonFormatter(secrets) if options.json_logs else None)
