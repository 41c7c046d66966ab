"""`[assets]`: what its folder and its rules amount to, in wrangler's words where they make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.assets.settings import AssetsSettings, Routing, routing_problems
from paddock.worker.config.bindings import AssetsKeys

if TYPE_CHECKING:
    from collections.abc import Collection

    from paddock.worker.config.diagnostics import Diagnostics

__all__ = ["Assets", "settle_assets"]

_NAVIGATION_FLAG: Final = "assets_navigation_prefers_asset_serving"


class Assets(msgspec.Struct, frozen=True):
    """`[assets]`, and its name in `env`, if it has one."""

    binding: str | None
    settings: AssetsSettings


def settle_assets(
    keys: AssetsKeys | None, root: Path, named: Path | None, flags: Collection[str], diagnostics: Diagnostics
) -> Assets | None:
    """The static files. `named` is the folder of the command line, which goes before the file's and is relative to
    where the command runs. A folder that is not there yet is a warning: a build may make it.
    """
    if keys is None and named is None:
        return None
    keys = keys or AssetsKeys()
    if keys.run_worker_first is True and not keys.binding:
        diagnostics.warn(
            "run_worker_first=true set without an assets binding\n"
            "Setting run_worker_first to true will always invoke your Worker script.\n"
            "To fetch your assets from your Worker, please set the [assets.binding] key in your configuration file.",
            "assets.run_worker_first",
        )
    settings = AssetsSettings(
        directory=str(_directory(keys.directory, root, named, diagnostics)),
        html_handling=keys.html_handling,
        not_found_handling=keys.not_found_handling,
        run_worker_first=keys.run_worker_first is True,
        routing=_routing(keys.run_worker_first, diagnostics),
        navigation_prefers_assets=_NAVIGATION_FLAG in flags,
    )
    return Assets(keys.binding or None, settings)


def _directory(text: str | None, root: Path, named: Path | None, diagnostics: Diagnostics) -> Path:
    source = '"assets.directory" field in your configuration file'
    if named is not None:
        directory = named.expanduser().resolve()
        source = '"--assets" command line argument'
    elif text is None:
        if not any('"assets.directory"' in error for error in diagnostics.errors):  # there, but no text
            diagnostics.error(
                "The `assets` property in your configuration is missing the required `directory` property.", "assets"
            )
        return root
    elif not text:
        diagnostics.error("The assets directory cannot be an empty string.", "assets.directory")
        return root
    else:
        directory = (root / Path(text).expanduser()).resolve()
    if not directory.exists():
        diagnostics.warn(f"The directory specified by the {source} does not exist:\n{directory}", "assets.directory")
    elif not directory.is_dir():
        diagnostics.error(
            f"The path specified by the {source} doesn't point to a directory:\n{directory}", "assets.directory"
        )
    elif root.is_relative_to(directory):
        diagnostics.warn(
            f"The directory of assets contains the project itself: anybody can fetch its code and its secrets.\n"
            f"Give assets a folder of their own, or list what is none in {directory / '.assetsignore'}.",
            "assets.directory",
        )
    return directory


def _routing(first: bool | list[str], diagnostics: Diagnostics) -> Routing | None:
    if isinstance(first, bool):
        return None
    problems = routing_problems(tuple(first))
    for problem in problems:
        diagnostics.error(problem, "assets.run_worker_first")
    return None if problems else Routing.of(tuple(first))
