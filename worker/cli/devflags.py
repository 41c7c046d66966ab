"""The flags of `paddock dev`: those of `wrangler dev` that mean something here, Paddock's own, and the refused ones."""

from __future__ import annotations

from argparse import ArgumentTypeError, BooleanOptionalAction
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from paddock.worker.cli.arguments import UsageError, add_config_arguments, add_state_argument
from paddock.worker.config.settings import EngineKind, Overrides, Protocol
from paddock.worker.log import LEVELS

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_flags", "check_flags", "overrides_of"]

_NO_BUILD: Final = "Python workers have no build step."
_OUTSIDE: Final = "Paddock runs everything on this machine."
#: Two flags that cannot both be meant, by their names in the namespace, and why.
_CONTRADICTIONS: Final = (
    ("live_reload", "no_reload", "pages are loaded again when the worker has been."),
    ("json_logs", "show_interactive_dev_session", "the bar would stand between the objects."),
    ("host", "local_upstream", "both name the host that the worker sees."),
)


def add_flags(parser: Parser) -> None:
    """All of them, in the groups in which `--help` shows them."""
    parser.add_argument(
        "script", type=Path, nargs="?", help="the handler's file, instead of main; alone it needs no configuration"
    )
    add_config_arguments(parser, has_several=True)
    _add_address(parser)
    _add_worker(parser)
    _add_engine(parser)
    _add_output(parser)
    _add_no_ops(parser)


def overrides_of(arguments: Namespace) -> Overrides:
    """What the flags put in place of the configuration's keys."""
    return Overrides(
        ip=arguments.ip,
        port=arguments.port,
        inspector_ip=arguments.inspector_ip,
        inspector_port=arguments.inspector_port,
        vars=dict(arguments.var),
        env_files=tuple(arguments.env_file),
        deterministic=arguments.deterministic,
        persist_to=arguments.persist_to,
        assets=arguments.assets,
        main=arguments.script,
        name=arguments.name,
        compatibility_date=arguments.compatibility_date,
        compatibility_flags=tuple(arguments.compatibility_flags),
        routes=tuple(arguments.routes),
        local_protocol=arguments.local_protocol,
        host=arguments.host or arguments.local_upstream,
        upstream_protocol=arguments.upstream_protocol,
        catalog=arguments.catalog,
        engine=arguments.engine,
        keep_alive=arguments.keep_alive,
        generate_types=arguments.types or None,
        strict=arguments.strict,
        preload=tuple(arguments.preload),
    )


def check_flags(arguments: Namespace) -> None:
    """Raise UsageError for two flags that contradict each other, and for one that is nothing without another."""
    for one, other, reason in _CONTRADICTIONS:
        if getattr(arguments, one) and getattr(arguments, other):
            raise UsageError(f"{_flag(one)} and {_flag(other)} exclude each other: {reason}")
    if arguments.engine == "off" and arguments.preload:
        raise UsageError("--preload and --engine off exclude each other: an engine that is off loads nothing.")
    if bool(arguments.https_key_path) != bool(arguments.https_cert_path):
        raise UsageError("--https-key-path and --https-cert-path belong together: got only one of them.")


def _add_address(parser: Parser) -> None:
    parser.add_argument("-p", "--port", type=_port, metavar="N", help="port to listen on; 0 takes any free one (8787)")
    parser.add_argument("--ip", metavar="ADDRESS", help="address to listen on (localhost)")
    protocols = get_args(Protocol)
    parser.add_argument("--local-protocol", choices=protocols, help="https uses a certificate made for this machine")
    parser.add_argument("--https-key-path", type=Path, metavar="PATH", help="private key (PEM), for https")
    parser.add_argument("--https-cert-path", type=Path, metavar="PATH", help="certificate (PEM), for https")
    parser.add_argument("--host", metavar="HOST", help="host that the worker sees (that of the first route)")
    parser.add_argument("--local-upstream", metavar="HOST", help="the same as --host")
    parser.add_argument("--upstream-protocol", choices=protocols, help="protocol that the worker sees")
    parser.add_argument(
        "--routes", "--route", nargs="+", action="extend", default=[], metavar="ROUTE", help="instead of routes"
    )
    parser.add_argument("--inspector-port", type=_port, metavar="N", help="port for debuggers")
    parser.add_argument("--inspector-ip", metavar="ADDRESS", help="address for debuggers (127.0.0.1)")
    parser.add_argument(
        "--inspect-brk",
        action="store_true",
        help="wait for a debugger (port 9229), and stop at the handler's first line",
    )


def _add_worker(parser: Parser) -> None:
    parser.add_argument("--name", help="name of the worker")
    parser.add_argument("--compatibility-date", metavar="DATE", help="instead of compatibility_date")
    parser.add_argument(
        "--compatibility-flags",
        "--compatibility-flag",
        nargs="+",
        action="extend",
        default=[],
        metavar="FLAG",
        help="instead of compatibility_flags",
    )
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
    parser.add_argument(
        "--strict", action=BooleanOptionalAction, help="refuse what production refuses (yes), or warn of it"
    )
    parser.add_argument("--types", action="store_true", help="write what `paddock types` writes, at every change")
    parser.add_argument("--test-scheduled", action="store_true", help="run scheduled() at /__scheduled, too")
    parser.add_argument("--no-reload", action="store_true", help="leave the worker alone when a file is saved")
    parser.add_argument("--live-reload", action="store_true", help="load HTML pages again when a file was saved")


def _add_engine(parser: Parser) -> None:
    parser.add_argument("--engine", choices=get_args(EngineKind), help="instead of paddock.engine.kind")
    parser.add_argument("--catalog", type=Path, metavar="DIR", help="folder of model files, instead of paddock.catalog")
    parser.add_argument(
        "--preload", action="append", default=[], metavar="MODEL", help="load it before the start, and keep it"
    )
    parser.add_argument("--keep-alive", metavar="TIME", help="how long models stay after their last call (5m)")
    parser.add_argument(
        "--deterministic", action="store_true", help="the same answer to the same request, whatever else runs"
    )


def _add_output(parser: Parser) -> None:
    parser.add_argument("--log-level", choices=LEVELS, help="how much to print (log; PADDOCK_LOG sets it too)")
    parser.add_argument("--json-logs", action="store_true", help="one JSON object a line, for programs")
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write ip and port there when ready")
    parser.add_argument(
        "--show-interactive-dev-session", action=BooleanOptionalAction, help="read keys (yes, at a terminal)"
    )


def _add_no_ops(parser: Parser) -> None:
    """What wrangler has, and asks for what happens anyway or for what cannot be here."""
    parser.accept("-l", "--local")
    parser.accept("--bundle")
    parser.accept("--no-bundle")
    parser.accept("--latest")
    parser.refuse("-r", "--remote", reason=_OUTSIDE)
    parser.refuse("--tunnel", "--tunnel-name", reason=_OUTSIDE)
    parser.refuse("--minify", "--define", "--alias", "--tsconfig", reason=_NO_BUILD)
    parser.refuse("--jsx-factory", "--jsx-fragment", reason=_NO_BUILD)
    parser.refuse("--enable-containers", reason="Paddock has no containers.")
    parser.refuse("--site", "--site-include", "--site-exclude", reason="Workers Sites are deprecated.")
    parser.refuse("--node-compat", "--legacy-env", reason="wrangler itself has given it up.")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ArgumentTypeError(f"expected a number from 0 to 65535; got {text!r}")
    return int(text)


def _variable(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise ArgumentTypeError(f"expected NAME:VALUE; got {text!r}")
    return name, value
