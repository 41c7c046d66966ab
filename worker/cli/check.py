"""`paddock check`: every mistake in the configuration and the catalog, without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import add_config_arguments
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from paddock.bindings.ai.catalog import Catalog
    from paddock.worker.cli.arguments import Parser
    from paddock.worker.config.loading import Config

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Which configuration, and for whom."""
    add_config_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON: a list of objects with level, text and line")


def run(arguments: Namespace) -> int:
    """Print what is wrong; exit code 3 when something would fail at a call or at the start."""
    from paddock.worker.assembly import read_catalog
    from paddock.worker.cli.report import print_error, print_warnings
    from paddock.worker.config.loading import load_config
    from paddock.worker.errors import ConfigError

    try:
        config = load_config(arguments.config, arguments.env)
    except ConfigError as error:
        if not arguments.json:
            raise
        _print_json(error.problems, error.warnings)
        return ExitCode.CONFIG
    catalog = read_catalog(config)
    problems = _handler_problems(config) + _model_problems(config, catalog)
    is_wrong = bool(problems or catalog.problems)
    if arguments.json:
        _print_json([*map(str, catalog.problems), *problems], config.warnings)
        return ExitCode.CONFIG if is_wrong else ExitCode.OK
    print_warnings(config.warnings, config.path.name)
    for problem in catalog.problems:
        print_error(problem)
    if problems:
        print_error(ConfigError(problems, source=config.path.name))
    if not is_wrong:
        print(f"{config.path.name} and {len(catalog)} models: no errors")
    return ExitCode.CONFIG if is_wrong else ExitCode.OK


def _print_json(errors: Iterable[str], warnings: Iterable[str]) -> None:
    import msgspec

    levels = [*(("error", text) for text in errors), *(("warning", text) for text in warnings)]
    items = [{"level": level, "text": str(text), "line": getattr(text, "line", None)} for level, text in levels]
    print(msgspec.json.format(msgspec.json.encode(items), indent=2).decode())


def _handler_problems(config: Config) -> list[str]:
    return [] if config.main.is_file() else [f'"main" names {config.main}, which does not exist.']


def _model_problems(config: Config, catalog: Catalog) -> list[str]:
    """Tables for models that no file describes, and models whose calls would find no weights."""
    from paddock.bindings.ai.tasks import task_of
    from paddock.bindings.ai.weights import find_weights
    from paddock.bindings.errors import ModelNotFound, WeightsMissing

    problems = []
    for model in config.paddock.models:
        try:
            catalog.card(model)
        except ModelNotFound as exc:
            problems.append(f'paddock.models."{model}": {exc}')
    for card in filter(task_of, catalog):
        entry, servers = config.paddock.models.get(card.name), config.paddock.servers(card.name)
        try:
            find_weights(card, entry.weights if entry else None, stand_ins=config.paddock.stand_ins, servers=servers)
        except WeightsMissing as exc:
            problems.append(str(exc))
    return problems
