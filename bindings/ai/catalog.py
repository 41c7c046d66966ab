"""catalog/ files -> model cards, and the look-up by model id.

A model exists when its file does: there is no index. Where several files describe one model, the earlier folder wins,
and inside a folder the later generation of file.
"""

from __future__ import annotations

import difflib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.model_file import GENERATIONS, NotAModel, read_model_file
from paddock.bindings.errors import CatalogError, ModelNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard

__all__ = ["SHIPPED_CATALOG", "STAND_INS", "Catalog"]

_log = logging.getLogger(__name__)

#: The catalog that comes with Paddock: beside bindings/ in a checkout and in a wheel alike.
SHIPPED_CATALOG: Final = Path(__file__).parents[2] / "catalog"

#: The folder of a catalog that holds checkpoints, not model files.
STAND_INS: Final = "stand-ins"


class Catalog:
    """All models of some folders, read once."""

    def __init__(self, cards: Mapping[str, ModelCard], problems: Sequence[CatalogError] = ()) -> None:
        self._cards = dict(cards)
        #: One error for each file that could not be used. They hide no other model.
        self.problems = tuple(problems)

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Catalog:
        """Read every model file below the folders. Blocking: call it at start-up.

        A folder given twice counts once; one that does not exist is a problem. Never raises for a file's content: see
        `problems`.
        """
        cards: dict[str, ModelCard] = {}
        problems: list[CatalogError] = []
        distinct: dict[Path, Path] = {}
        for folder in folders:
            distinct.setdefault(folder.resolve(), folder)
        for folder in reversed(distinct.values()):  # so that the earlier folder overwrites the later one
            found = _read_folder(folder, problems)
            for name in found.keys() & cards.keys():
                _log.info("catalog_model_replaced model=%s by=%s", name, found[name].file)
            cards |= found
        return cls(dict(sorted(cards.items())), problems)

    def card(self, model_id: str) -> ModelCard:
        """Return the model of exactly this id.

        Raises: ModelNotFound, with the closest ids or the error in the model's file as its hint.
        """
        card = self._cards.get(model_id)
        if card is None:
            raise ModelNotFound(model_id, hint=self._hint(model_id))
        return card

    def keeping(self, before: Catalog) -> Catalog:
        """This catalog, with what `before` had of files that cannot be used any more: a slip takes no model away."""
        broken = {problem.file for problem in self.problems}
        kept = {c.name: c for c in before if str(c.file) in broken and c.name not in self._cards}
        return Catalog(dict(sorted((self._cards | kept).items())), self.problems)

    def by_name(self) -> dict[str, ModelCard]:
        """All models by id."""
        return dict(self._cards)

    def ids(self) -> tuple[str, ...]:
        return tuple(self._cards)

    def __iter__(self) -> Iterator[ModelCard]:
        """All models, in the order of their ids."""
        return iter(self._cards.values())

    def __len__(self) -> int:
        return len(self._cards)

    def _hint(self, model_id: str) -> str:
        slug = model_id.rpartition("/")[2]
        for problem in self.problems:
            if slug and Path(problem.file).stem == slug:
                return f"Its file is malformed: {problem.message}"
        same_slug = [name for name in self._cards if name.rpartition("/")[2] == slug]
        closest = same_slug or difflib.get_close_matches(model_id, self._cards, n=3)
        if closest:
            return f"Did you mean {' or '.join(closest)}?"
        return f"The catalog has {len(self)} models: `paddock ai models list` shows them."


def _read_folder(folder: Path, problems: list[CatalogError]) -> dict[str, ModelCard]:
    """The models of one folder by name; of two files of one generation, the first in path order."""
    best: dict[str, ModelCard] = {}
    for file in _model_files(folder, problems):
        try:
            card = read_model_file(file, folder)
        except NotAModel as exc:
            is_readme = file.stem.lower() == "readme"
            _log.log(logging.DEBUG if is_readme else logging.INFO, "catalog_file_skipped file=%s reason=%s", file, exc)
            continue
        except CatalogError as exc:
            problems.append(exc)
            continue
        other = best.get(card.name)
        if other is None:
            best[card.name] = card
        elif _generation(card) == _generation(other):
            problems.append(CatalogError(str(file), "name", f"{card.name} is already described by {other.file}"))
        else:
            best[card.name] = winner = max(card, other, key=_generation)
            loser = other if winner is card else card
            _log.info("catalog_model_replaced model=%s by=%s instead_of=%s", card.name, winner.file, loser.file)
    return best


def _generation(card: ModelCard) -> int:
    return GENERATIONS[card.file.suffix]


def _model_files(folder: Path, problems: list[CatalogError]) -> Iterator[Path]:
    """Files that may describe models, in path order. Links to places outside the folder are refused.

    A catalog may come with somebody's project: a link in it must not make us read, and quote in an error, another file
    of this machine. Linked folders are not entered, so no walk is endless.
    """
    if not folder.is_dir():
        problems.append(CatalogError(str(folder), "", "expected a catalog folder, found none"))
        return
    home = folder.resolve()
    for place, folders, files in os.walk(folder):
        top = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and (top, name) != (folder, STAND_INS))
        for name in sorted(files):
            file = top / name
            if file.suffix not in GENERATIONS or name.startswith("."):
                continue
            if not file.resolve().is_relative_to(home):
                problems.append(CatalogError(str(file), "", "the link leads out of the catalog folder"))
            elif file.is_file():
                yield file
