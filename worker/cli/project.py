"""The project that a command is called in, for commands that also work outside of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.weights import Weights, find_weights
from paddock.bindings.errors import WeightsMissing
from paddock.worker.assembly import read_catalog
from paddock.worker.config.files import find_state, nearest_config
from paddock.worker.config.loading import PaddockSettings, load_config

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from paddock.bindings.ai.card import ModelCard

__all__ = ["Project", "open_project"]


class Project(NamedTuple):
    """A catalog, and what the configuration says about its models."""

    catalog: Catalog
    settings: PaddockSettings
    #: Folder of local state; None outside of any project.
    state: Path | None = None

    def configured_adapters(self, card: ModelCard) -> Mapping[str, str]:
        """Name -> folder of the LoRA adapters that the configuration names for a model."""
        model = self.settings.models.get(card.name)
        return model.lora if model else {}

    def configured_weights(self, card: ModelCard) -> str | None:
        """The folder or repository that the configuration names for a model."""
        model = self.settings.models.get(card.name)
        return model.weights if model else None

    def weights(self, card: ModelCard) -> Weights | WeightsMissing:
        """What would answer for a model, or the error that its calls would meet."""
        try:
            settings, servers = self.settings, self.settings.servers(card.name)
            return find_weights(card, self.configured_weights(card), stand_ins=settings.stand_ins, servers=servers)
        except WeightsMissing as missing:
            return missing


def open_project(arguments: Namespace) -> Project:
    """The project of `--config` or of the current folder; outside of any, the shipped catalog with default settings."""
    if arguments.config is None and nearest_config(Path.cwd()) is None:
        return Project(Catalog.read([SHIPPED_CATALOG]), PaddockSettings())
    config = load_config(arguments.config, arguments.env)
    return Project(
        read_catalog(config), config.paddock, find_state(config.root, getattr(arguments, "persist_to", None))
    )
