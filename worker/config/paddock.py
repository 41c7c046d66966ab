"""`[paddock]`: what goes before it, and what only makes sense together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker.config.settings import EngineSettings, ModelSettings, Overrides, PaddockSettings, Url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config.diagnostics import Diagnostics

__all__ = ["settle_paddock"]

_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+")


def settle_paddock(
    paddock: PaddockSettings,
    root: Path,
    environment: Mapping[str, str],
    overrides: Overrides,
    diagnostics: Diagnostics,
) -> PaddockSettings:
    """`[paddock]` with its folders made absolute, and with what the environment and the command line say."""
    if paddock.catalog is not None:
        catalog = _folder(paddock.catalog, root, "paddock.catalog", "model files", diagnostics)
        paddock = msgspec.structs.replace(paddock, catalog=catalog)
    _check_servers(paddock, diagnostics)
    models = {
        model: _located(entry, root, f'paddock.models."{model}"', bool(paddock.servers(model)), diagnostics)
        for model, entry in paddock.models.items()
    }
    engine = _with_servers(paddock.engine, environment, diagnostics)
    engine = _with_determinism(engine, overrides, diagnostics)
    return msgspec.structs.replace(paddock, models=models, engine=engine)


def _with_servers(engine: EngineSettings, environment: Mapping[str, str], diagnostics: Diagnostics) -> EngineSettings:
    """The engine with the servers and the key that the environment names, which go before the file's.

    PADDOCK_REMOTE_URL holds addresses between commas, and makes the engine a remote one.
    """
    if key := environment.get("PADDOCK_REMOTE_KEY"):
        engine = msgspec.structs.replace(engine, remote_key=key)
    if text := environment.get("PADDOCK_REMOTE_URL"):
        urls = diagnostics.convert(text.replace(",", " ").split(), list[Url], "PADDOCK_REMOTE_URL")
        engine = msgspec.structs.replace(engine, kind="remote", url=None, urls=urls or [])
    return engine


def _with_determinism(engine: EngineSettings, overrides: Overrides, diagnostics: Diagnostics) -> EngineSettings:
    """The engine, deterministic where the command line says so. A server elsewhere cannot be told to be."""
    engine = msgspec.structs.replace(engine, deterministic=engine.deterministic or overrides.deterministic)
    if engine.deterministic and engine.kind == "remote":
        diagnostics.error(
            '"paddock.engine.deterministic" (--deterministic) is for engines on this machine, but '
            '"paddock.engine.kind" is "remote". Start those servers with VLLM_BATCH_INVARIANT=1 instead.'
        )
    return engine


def _check_servers(settings: PaddockSettings, diagnostics: Diagnostics) -> None:
    """Addresses that nobody would use, and those that are missing."""
    engine = settings.engine
    has_urls = engine.url is not None or bool(engine.urls)
    if engine.kind == "remote" and not has_urls:
        diagnostics.error(
            'Expected "paddock.engine.url" or "paddock.engine.urls" with kind = "remote", but got neither.'
        )
    if engine.kind != "remote" and has_urls:
        diagnostics.error(f'"paddock.engine.url" needs kind = "remote", but "paddock.engine.kind" is "{engine.kind}".')
    if engine.url is not None and engine.urls:
        diagnostics.error('Expected "paddock.engine.url" or "paddock.engine.urls", but got both.')
    for model, entry in settings.models.items():
        if entry.weights is not None and entry.engine:
            path = f'paddock.models."{model}"'
            diagnostics.error(
                f'Expected "{path}.engine" or "{path}.weights", but got both: a server has its own weights.'
            )
        if entry.remote_model is not None and not settings.servers(model):
            diagnostics.error(f'"paddock.models."{model}".remote_model" needs servers, but there is no "engine".')


def _located(entry: ModelSettings, root: Path, path: str, is_remote: bool, diagnostics: Diagnostics) -> ModelSettings:
    weights = entry.weights
    if weights is not None and _is_folder_name(weights, root):
        weights = _folder(weights, root, f"{path}.weights", "weights", diagnostics)
    elif weights is not None and not _REPOSITORY.fullmatch(weights):
        diagnostics.mismatch(f"{path}.weights", weights, 'folder or Hugging Face repository ("owner/name")')
    lora = {
        # A folder on a server's machine is taken as it stands, and a relative one for a folder that both have.
        name: str((root / Path(folder).expanduser()).resolve())
        if is_remote
        else _folder(folder, root, f"{path}.lora.{name}", "an adapter", diagnostics)
        for name, folder in entry.lora.items()
    }
    return msgspec.structs.replace(entry, weights=weights, lora=lora)


def _is_folder_name(weights: str, root: Path) -> bool:
    """Whether `weights` names a folder: by its shape, or because there is such a folder in the project."""
    return weights.startswith((".", "/", "~")) or (root / weights).is_dir()


def _folder(text: str, root: Path, path: str, content: str, diagnostics: Diagnostics) -> str:
    folder = (root / Path(text).expanduser()).resolve()
    if not folder.is_dir():
        diagnostics.error(f'Expected "{path}" to be a folder with {content}, but there is none at {folder}.')
    return str(folder)
