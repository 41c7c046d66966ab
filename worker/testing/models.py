"""The marker `models`: a test for each model of the catalog that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.errors import PaddockError
from paddock.worker.assembly import read_catalog
from paddock.worker.config.files import nearest_config
from paddock.worker.config.loading import load_config

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parametrize"]


def parametrize(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """Give the test's argument `model` each id that the marker names, and each of the task or the tag that it names."""
    try:
        metafunc.parametrize("model", _named(metafunc.definition.path.parent, marker))
    except PaddockError as error:  # of the configuration, or of an id that is in no catalog
        raise pytest.Collector.CollectError(f"@pytest.mark.models: {error}") from error


def _named(folder: Path, marker: pytest.Mark) -> list[str]:
    if unknown := marker.kwargs.keys() - {"task", "tag"}:
        raise pytest.Collector.CollectError(
            f"@pytest.mark.models: expected ids, task or tag; got {', '.join(sorted(unknown))}"
        )
    catalog = _catalog(folder)
    ids = [catalog.card(name).name for name in marker.args]
    task, tag = marker.kwargs.get("task"), marker.kwargs.get("tag")
    for card in catalog if task or tag else ():
        is_of_task = task is None or (card.task is not None and task in (card.task.name, card.task_type))
        if is_of_task and (tag is None or tag in card.tags) and card.name not in ids:
            ids.append(card.name)
    if not ids:
        raise pytest.Collector.CollectError(
            f"@pytest.mark.models: no model of the catalog has task={task!r} and tag={tag!r}"
        )
    return ids


def _catalog(folder: Path) -> Catalog:
    file = nearest_config(folder)
    return Catalog.read([SHIPPED_CATALOG]) if file is None else read_catalog(load_config(file))
