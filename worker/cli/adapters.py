"""The LoRA adapters of a project by their base model: uploaded ones, declared ones, and those that ship."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.finetunes.store import Finetune, FinetuneStore
    from paddock.worker.cli.project import Project

__all__ = ["ListedAdapter", "adapters_of"]


class ListedAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """What a call may name as `lora`. `rank` is None where no file tells it."""

    name: str
    #: `incomplete`: created, and a file has not been uploaded yet. `shipped`: of the stand-in alone.
    origin: Literal["uploaded", "incomplete", "configured", "shipped"]
    rank: int | None
    id: str | None = None
    public: bool = False
    description: str = ""


def adapters_of(card: ModelCard, project: Project) -> list[ListedAdapter]:
    """Every adapter that calls of a model may name. Raises StateUnavailable."""
    if not card.takes_lora:
        return []
    weights, configured = project.weights(card), project.configured_adapters(card)
    is_stand_in = not isinstance(weights, Exception) and weights.is_stand_in
    shipped = card.paddock.adapters if card.paddock and is_stand_in else {}
    found = {
        **{name: _listed(name, "shipped", card.folder / folder) for name, folder in shipped.items()},
        **{name: _listed(name, "configured", Path(folder)) for name, folder in configured.items()},
    }
    if project.state is not None:
        from paddock.bindings.ai.finetunes.store import FinetuneStore
        from paddock.bindings.state import StateFolder

        store = FinetuneStore(StateFolder(project.state))
        # A name that stands in the configuration as well is that of the uploaded one, as in calls.
        found |= {row.name: _uploaded(store, row) for row in store.all() if row.model == card.name}
    return list(found.values())


def _listed(name: str, origin: Literal["configured", "shipped"], folder: Path) -> ListedAdapter:
    return ListedAdapter(name=name, origin=origin, rank=_rank(folder))


def _uploaded(store: FinetuneStore, row: Finetune) -> ListedAdapter:
    from paddock.bindings.ai.finetunes.adapter import CONFIG, FILES

    return ListedAdapter(
        name=row.name,
        origin="uploaded" if all(store.has(row, name) for name in FILES) else "incomplete",
        rank=_rank(store.file(row, CONFIG).parent) if store.has(row, CONFIG) else None,
        id=row.id,
        public=row.public,
        description=row.description,
    )


class _Ranks(msgspec.Struct):
    r: int
    rank_pattern: dict[str, int] | None = None


def _rank(folder: Path) -> int | None:
    """The largest rank that an adapter's file names. Those that were declared need not be what uploads have to be."""
    try:
        config = msgspec.json.decode((folder / "adapter_config.json").read_bytes(), type=_Ranks)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return max(config.r, *(config.rank_pattern or {}).values(), 0)
