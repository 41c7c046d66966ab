"""Which checkpoint a model runs on, and which LoRA adapters go with it.

In this order: what the configuration names, what was pulled, the model's stand-in. What the configuration names is
never replaced by anything else.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from paddock.bindings.ai import hub
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, STAND_INS
from paddock.bindings.ai.engines.protocol import Adapter
from paddock.bindings.errors import LoraNotFound, LoraUnsupported, WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.card import ModelCard

__all__ = ["Weights", "WeightsKind", "find_weights", "pull", "resolve_adapter"]

#: `fake`: none, in tests.
WeightsKind = Literal["configured", "pulled", "stand_in", "remote", "fake"]

#: What an adapter in PEFT format consists of. Source: developer docs, "Using LoRA adapters".
_ADAPTER_FILES: Final = ("adapter_config.json", "adapter_model.safetensors")


class Weights(msgspec.Struct, frozen=True):
    """A checkpoint: a folder with config, tokenizer and weights, or what the servers have that serve it."""

    #: The folder; empty for weights on other machines.
    path: str
    kind: WeightsKind
    #: The Hugging Face repository that it came from; None for a folder of the user's and for a stand-in.
    repository: str | None = None
    #: Something the user should know of the choice, such as an unfinished download. Empty most of the time.
    note: str = ""
    #: Addresses of the servers; only, and always, of kind `remote`.
    servers: tuple[str, ...] = ()

    @property
    def is_stand_in(self) -> bool:
        return self.kind == "stand_in"

    def describe(self) -> str:
        """One line for people: what runs, and what to know of it."""
        if self.is_stand_in:
            text = f"stand-in {Path(self.path).name}"
        elif self.servers:
            text = f"{self.kind} {', '.join(self.servers)}"
        else:
            text = f"{self.kind} {self.repository or self.path}"
        return f"{text}; {self.note}" if self.note else text


def find_weights(
    card: ModelCard,
    configured: str | None = None,
    *,
    stand_ins: bool = True,
    cache: Path | None = None,
    servers: tuple[str, ...] = (),
) -> Weights:
    """Find the checkpoint of a model. Opens no connection; reads a few small files.

    `configured` is an absolute folder or a Hugging Face repository. `cache` is Hugging Face's own unless given.
    `servers` are the addresses of those that serve the model: its weights are theirs, whatever is on this machine.
    Raises: WeightsMissing, when what is configured is not there or not whole, or when nothing else is there and
    `stand_ins` is False.
    """
    if servers:
        return Weights("", "remote", servers=servers)
    if configured is not None:
        return _configured(card, configured, cache)
    note = ""
    if card.paddock is not None and card.paddock.repository is not None:
        folder = hub.cached_folder(card.paddock.repository, card.paddock.revision, cache=cache)
        if folder is not None:
            lacking = hub.missing_file(folder)
            if lacking is None:
                return Weights(str(folder), "pulled", card.paddock.repository)
            note = f"{card.paddock.repository} was pulled in part ({lacking} is missing): {_pull_command(card)}"
    stand_in = _stand_in(card)
    if stand_in is not None and stand_ins:
        return Weights(str(stand_in), "stand_in", note=note)
    raise _missing(card, note, is_refused=stand_in is not None)


def pull(
    card: ModelCard,
    configured: str | None = None,
    *,
    progress: bool = True,
    cache: Path | None = None,
    endpoint: str | None = None,
) -> Weights:
    """Download the weights that the configuration or the model's card names, and return them. Blocking; resumable.

    `endpoint` is another hub than HF_ENDPOINT or the public one.
    Raises: WeightsMissing with what to do.
    """
    if configured is not None and _is_folder(configured):
        raise WeightsMissing(f"{card.name} runs on the folder {configured}: there is nothing to pull.")
    if configured is not None:
        folder = hub.download(configured, progress=progress, cache=cache, endpoint=endpoint)
        return Weights(str(folder), "configured", configured)
    if card.paddock is None or card.paddock.repository is None:
        raise _missing(card, "", is_refused=False)
    repository, revision = card.paddock.repository, card.paddock.revision
    folder = hub.download(repository, revision, progress=progress, cache=cache, endpoint=endpoint)
    return Weights(str(folder), "pulled", repository)


def resolve_adapter(card: ModelCard, name: str, configured: Mapping[str, str], weights: Weights) -> Adapter:
    """Find a LoRA adapter by name. `configured` maps names to folders; those that ship fit the stand-in only.

    Servers may have adapters that nobody configured, and folders that this machine has not: what they have, they say.

    Raises: LoraUnsupported, when the model takes no adapters; LoraNotFound, with close names or the file that lacks.
    """
    if not card.takes_lora:
        raise LoraUnsupported(card.name)
    if weights.servers:
        return Adapter(name, configured.get(name, ""))
    shipped = card.paddock.adapters if card.paddock else {}
    usable = {known: str(_in_catalog(card, path)) for known, path in shipped.items()} if weights.is_stand_in else {}
    usable.update(configured)
    folder = usable.get(name)
    if folder is None:
        raise LoraNotFound(name, hint=_adapter_hint(card, name, usable, is_shipped=name in shipped))
    lacking = [file for file in _ADAPTER_FILES if not (Path(folder) / file).is_file()]
    if lacking:
        raise LoraNotFound(name, hint=f"Its folder {folder} has no {' and no '.join(lacking)}.")
    return Adapter(name, folder)


def _configured(card: ModelCard, configured: str, cache: Path | None) -> Weights:
    if _is_folder(configured):
        lacking = hub.missing_file(Path(configured))
        if lacking is not None:
            raise WeightsMissing(f"The folder {configured}, configured for {card.name}, has no {lacking}.")
        return Weights(configured, "configured")
    folder = hub.cached_folder(configured, cache=cache)
    if folder is None or hub.missing_file(folder) is not None:
        state = "not pulled yet" if folder is None else "pulled in part"
        problem = f"{configured}, configured for {card.name}, is {state}."
        raise WeightsMissing(problem, hint=f"Run `{_pull_command(card)}`.")
    return Weights(str(folder), "configured", configured)


def _is_folder(configured: str) -> bool:
    return Path(configured).is_absolute() or Path(configured).is_dir()


def _stand_in(card: ModelCard) -> Path | None:
    if card.paddock is None or card.paddock.stand_in is None:
        return None
    folder = _in_catalog(card, f"{STAND_INS}/{card.paddock.stand_in}")
    return folder if hub.missing_file(folder) is None else None


def _in_catalog(card: ModelCard, path: str) -> Path:
    """A path below the card's own catalog folder, or else below ours, which a copied model file still refers to."""
    own = card.folder / path
    return own if own.is_dir() else SHIPPED_CATALOG / path


def _missing(card: ModelCard, note: str, *, is_refused: bool) -> WeightsMissing:
    problem = f"{card.name} has no weights on this machine"
    if card.paddock is None or card.paddock.repository is None:
        hint = f'Name a folder or repository under [paddock.models."{card.name}"] as `weights`, or in {card.file} as '
        return WeightsMissing(
            f"{problem}, and its model file names no repository.", hint=f"{hint}`paddock.repository`."
        )
    if is_refused:
        problem += ", and stand-ins are switched off"
    return WeightsMissing(f"{problem}.{f' {note}.' if note else ''}", hint=f"Run `{_pull_command(card)}`.")


def _pull_command(card: ModelCard) -> str:
    return f"paddock ai pull {card.name}"


def _adapter_hint(card: ModelCard, name: str, usable: Mapping[str, str], *, is_shipped: bool) -> str:
    if is_shipped:
        return f"It fits the stand-in of {card.name} only, and other weights are in use."
    closest = difflib.get_close_matches(name, usable, n=3)
    if closest:
        return f"Did you mean {' or '.join(closest)}?"
    known = f"{card.name} has {', '.join(sorted(usable))}" if usable else f"{card.name} has no adapters"
    return f'{known}; [paddock.models."{card.name}"] lora names more.'
