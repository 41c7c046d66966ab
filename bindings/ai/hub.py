"""Weights on Hugging Face: what of them is in this machine's cache, and how they get there.

The cache is Hugging Face's own, found by its own rules (HF_HOME, HF_HUB_CACHE), so weights that another program pulled
are used, and those pulled here are everybody's. huggingface_hub is optional and imported late: it takes half a second.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.errors import WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cached_folder", "download", "missing_file"]

#: What an engine reads, safetensors for the weights.
_WANTED: Final = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
#: How the vectors of an embedding model are pooled, and the layers behind it, in sentence-transformers' folders.
_MODULES: Final = ("[0-9]_*/config.json", "[0-9]_*/model.safetensors")
#: Left where they are: other runtimes' copies of the weights, in folders or in the publisher's own format.
_UNWANTED: Final = ("*/*", "consolidated*")
#: Weights as pickles run code when they are loaded; they are pulled only where a repository has nothing else.
_PICKLES: Final = ("pytorch_model*.bin",)
_INDEXES: Final = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


class _Index(msgspec.Struct):
    """The list of a checkpoint's parts: tensor name -> file."""

    weight_map: dict[str, str]


def missing_file(folder: Path) -> str | None:
    """Name a file that the checkpoint in `folder` lacks; None when it is whole: config, tokenizer and all weights."""
    if not (folder / "config.json").is_file():
        return "config.json"
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        return "tokenizer.json"
    for name in _INDEXES:
        if (folder / name).is_file():
            return _missing_part(folder, name)
    found = [file for pattern in ("*.safetensors", *_PICKLES) for file in folder.glob(pattern) if file.is_file()]
    return None if found else "model.safetensors"


def _missing_part(folder: Path, index: str) -> str | None:
    try:
        parts = msgspec.json.decode((folder / index).read_bytes(), type=_Index).weight_map.values()
    except (OSError, msgspec.DecodeError):
        return index
    return next((part for part in sorted(set(parts)) if not (folder / part).is_file()), None)


def cached_folder(repository: str, revision: str | None = None, *, cache: Path | None = None) -> Path | None:
    """The cached snapshot of a repository, maybe an unfinished one; None when there is none.

    `cache` is Hugging Face's own cache folder unless given. Opens no connection.
    """
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import constants

    root = cache or Path(constants.HF_HUB_CACHE)
    # Spares the slow import below at every start without pulled weights.
    if not (root / f"models--{repository.replace('/', '--')}").is_dir():
        return None
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repository, "config.json", cache_dir=root, revision=revision)
    return Path(config).parent if isinstance(config, str) else None


def download(
    repository: str,
    revision: str | None = None,
    *,
    progress: bool = True,
    cache: Path | None = None,
    endpoint: str | None = None,
) -> Path:
    """Bring a repository's checkpoint into the cache and return its folder. Goes on where an earlier call stopped.

    Blocking, for minutes. `progress` shows huggingface_hub's bars on stderr. `endpoint` is another hub than HF_ENDPOINT
    or the public one.
    Raises: WeightsMissing with what to do: install, log in, accept a licence, go online.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as exc:
        raise WeightsMissing(
            "Pulling weights needs the package huggingface_hub, which is not installed.",
            hint="Install it with `pip install 'paddock[pull]'`.",
        ) from exc
    with _clear_errors(repository), _bars(progress):
        for wanted in (_WANTED, _PICKLES):
            folder = snapshot_download(
                repository,
                revision=revision,
                cache_dir=cache,
                allow_patterns=list(wanted),
                ignore_patterns=list(_UNWANTED),
                endpoint=endpoint,
            )
            if missing_file(Path(folder)) is None:
                if (Path(folder) / "modules.json").is_file():
                    snapshot_download(
                        repository, revision=revision, cache_dir=cache, allow_patterns=list(_MODULES), endpoint=endpoint
                    )
                return Path(folder)
    lacking = missing_file(Path(folder))
    raise WeightsMissing(f"The repository {repository} holds no checkpoint that can be served: it has no {lacking}.")


@contextmanager
def _bars(wanted: bool) -> Iterator[None]:
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if wanted or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextmanager
def _clear_errors(repository: str) -> Iterator[None]:
    """huggingface_hub's errors in our words. Order matters: a gated repository is also a repository not found."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{repository}"
    try:
        yield
    except errors.GatedRepoError as exc:
        raise WeightsMissing(
            f"{repository} is gated: its publisher gives the weights to people who accepted the licence.",
            hint=f"Accept it at {page}, then log in with `hf auth login` (or set HF_TOKEN) and pull again.",
        ) from exc
    except errors.RepositoryNotFoundError as exc:
        raise WeightsMissing(
            f"There is no repository {repository}, or it is private and this machine is not logged in.",
            hint=f"Look at {page}; `hf auth login` logs in.",
        ) from exc
    except errors.RevisionNotFoundError as exc:
        raise WeightsMissing(f"{repository} has no such revision: {_first_line(exc)}") from exc
    except errors.LocalEntryNotFoundError as exc:
        raise WeightsMissing(
            f"{repository} cannot be pulled: the hub was not reached ({_first_line(exc.__cause__ or exc)}).",
            hint="Check the connection, and that HF_HUB_OFFLINE is not set. What was pulled so far is kept.",
        ) from exc
    except (OSError, errors.HTTPError) as exc:  # type: ignore[attr-defined] # its HTTP library differs by version
        raise WeightsMissing(
            f"{repository} could not be pulled: {_first_line(exc)}.",
            hint="Pull again: what is there already is kept.",
        ) from exc


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".:") or type(error).__name__
