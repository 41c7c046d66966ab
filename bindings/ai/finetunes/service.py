"""Finetunes as Workers AI has them: created by name, filled with two files, then an adapter of their model.

Source: API reference; developer docs, "Using LoRA adapters"; WA-137 to WA-143.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.protocol import Adapter
from paddock.bindings.ai.finetunes.adapter import CONFIG, FILES, WEIGHTS, check_config, check_fit, check_weights
from paddock.bindings.ai.finetunes.store import replaced
from paddock.bindings.errors import (
    FinetuneIncomplete,
    FinetuneRefused,
    LoraNotFound,
    LoraUnsupported,
    ModelNotFound,
    RequestTooLarge,
    WeightsMissing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.finetunes.store import Asset, Finetune, FinetuneStore
    from paddock.bindings.ai.weights import Weights

__all__ = ["Finetunes"]

#: Source: developer docs, "Public LoRA adapters".
_RESERVED: Final = "cf-public-"
#: Ours; production's is not known.
_MAX_NAME: Final = 100
_MAX_DESCRIPTION: Final = 10_000


class Finetunes:
    """Creates and fills finetunes, and finds their adapters. Blocking: it reads headers of weights.

    `card` finds a model by its id; `find_weights` tells what it runs on, whose shapes an adapter must have.
    """

    def __init__(
        self, store: FinetuneStore, card: Callable[[str], ModelCard], find_weights: Callable[[ModelCard], Weights]
    ) -> None:
        self.store = store
        self._card = card
        self._find_weights = find_weights

    def create(self, model: str, name: str, description: str = "", *, public: bool = False) -> Finetune:
        """A new finetune. Raises ModelNotFound, LoraUnsupported, FinetuneRefused."""
        card = self._card(model)
        if not card.takes_lora:
            raise LoraUnsupported(card.name)
        if not name or len(name) > _MAX_NAME or not name.isprintable():
            raise FinetuneRefused(f"name: expected 1 to {_MAX_NAME} printable characters; got {name[:_MAX_NAME]!r}")
        if name.startswith(_RESERVED):
            raise FinetuneRefused(f"name: {_RESERVED} is the prefix of Cloudflare's own adapters; got {name}")
        if len(description) > _MAX_DESCRIPTION:
            raise FinetuneRefused(
                f"description: expected at most {_MAX_DESCRIPTION} characters; got {len(description)}"
            )
        return self.store.add(card.name, name, description, public=public)

    def open(self, name: str) -> Finetune:
        """The finetune of a name or id. Raises LoraNotFound."""
        found = self.store.find(name)
        if found is None:
            raise LoraNotFound(name, hint="`paddock ai finetune list` shows those that there are.")
        return found

    def expect(self, finetune: Finetune, file_name: str) -> None:
        """Raises FinetuneRefused for a file that this finetune does not take: then it need not be received."""
        if file_name not in FILES:
            raise FinetuneRefused(f"file_name: expected {' or '.join(FILES)}; got {file_name[:_MAX_NAME]!r}")
        if self.store.has(finetune, file_name):
            raise replaced(finetune, file_name)

    def accept(self, finetune: Finetune, file_name: str, received: Path) -> Asset:
        """Check a received file, and keep it. Raises FinetuneRefused, RequestTooLarge, WeightsMissing."""
        self.expect(finetune, file_name)
        return self.store.accept(
            finetune, file_name, received, lambda: self._check_with_other(finetune, file_name, received)
        )

    def adapter(self, card: ModelCard, name: str, weights: Weights) -> Adapter | None:
        """The adapter that a call of a model names, by name or id; None when no finetune is called so.

        Raises FinetuneIncomplete while a file is missing, LoraNotFound for an adapter of another model; models that run
        on the same weights have the same adapters, as a base model and its `-lora` form in production.
        """
        finetune = self.store.find(name)
        if finetune is None:
            return None
        if finetune.model != card.name and weights != self._weights_of(finetune.model):
            raise LoraNotFound(name, hint=f"It is a finetune of {finetune.model}.")
        if not all(self.store.has(finetune, file_name) for file_name in FILES):
            raise FinetuneIncomplete
        return Adapter(finetune.name, str(self.store.file(finetune, CONFIG).parent))

    def _weights_of(self, model: str) -> Weights | None:
        """None for a model that has left the catalog since, and for one whose weights have left this machine."""
        try:
            return self._find_weights(self._card(model))
        except (ModelNotFound, WeightsMissing):
            return None

    def check(self, model: str, config_file: Path | None, weights_file: Path | None) -> None:
        """Check the files of an adapter that are there; with both, also whether they fit each other and the model.

        Raises ModelNotFound, FinetuneRefused, RequestTooLarge, WeightsMissing.
        """
        card = self._card(model)
        for file_name, file in ((CONFIG, config_file), (WEIGHTS, weights_file)):
            if file is not None:
                _check_size(file_name, file)
        config = None if config_file is None else check_config(config_file.read_bytes())
        tensors = None if weights_file is None else check_weights(weights_file)
        if config is None or tensors is None:
            return
        weights = self._find_weights(card)
        if not weights.servers:  # those know their model, and say what does not fit it
            check_fit(config, tensors, Path(weights.path))

    def _check_with_other(self, finetune: Finetune, file_name: str, received: Path) -> None:
        files = {name: self.store.file(finetune, name) for name in FILES if self.store.has(finetune, name)}
        files[file_name] = received
        self.check(finetune.model, files.get(CONFIG), files.get(WEIGHTS))


def _check_size(file_name: str, file: Path) -> None:
    size, limit = file.stat().st_size, FILES[file_name]
    if size > limit:
        raise RequestTooLarge(f"Request is too large: {file_name} may have {limit} bytes, and has {size}")
