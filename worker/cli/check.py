"""`paddock check`: every mistake in the configuration and the catalog, without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import add_config_arguments
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.bindings.ai.catalog import Catalog
    from paddock.worker.cli.arguments import Parser
    from paddock.worker.config import Config

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Which configuration."""
    add_config_arguments(parser)


def run(arguments: Namespace) -> int:
    """Print what is wrong; exit code 3 when something would fail at a call or at the start."""
    from paddock.worker.assembly import read_catalog
    from paddock.worker.cli.report import print_error, print_warnings
    from paddock.worker.config import load_config
    from paddock.worker.errors import ConfigError

    config = load_config(arguments.config, arguments.env)
    print_warnings(config.warnings, config.path.name)
    catalog = read_catalog(config)
    for problem in catalog.problems:
        print_error(problem)
    problems = _handler_problems(config) + _model_problems(config, catalog)
    if problems:
        print_error(ConfigError(problems, source=config.path.name))
    if problems or catalog.problems:
        return ExitCode.CONFIG
    print(f"{config.path.name} and {len(catalog)} models: no errors")
    return ExitCode.OK


def _handler_problems(config: Config) -> list[str]:
    return [] if config.main.is_file() else [f'"main" names {config.main}, which does not exist.']


def _model_problems(config: Config, catalog: Catalog) -> list[str]:
    """Tables for models that no file describes, and models whose calls would find no weights."""
    from paddock.bindings.ai.weights import find_weights
    from paddock.bindings.errors import ModelNotFound, WeightsMissing

    problems = []
    for model in config.paddock.models:
        try:
            catalog.card(model)
        except ModelNotFound as exc:
            problems.append(f'paddock.models."{model}": {exc}')
    for card in catalog:
        entry, servers = config.paddock.models.get(card.name), config.paddock.servers(card.name)
        try:
            find_weights(card, entry.weights if entry else None, stand_ins=config.paddock.stand_ins, servers=servers)
        except WeightsMissing as exc:
            problems.append(str(exc))
    return problems
