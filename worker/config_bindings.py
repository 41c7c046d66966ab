"""The bindings of wrangler-like.toml beside `[ai]`, and the rule that no two of them share a name.

Readers never raise: they note what is wrong, in wrangler's words, and leave it out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from paddock.bindings.assets.settings import (
    AssetsSettings,
    HtmlHandling,
    NotFoundHandling,
    Routing,
    routing_problems,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from paddock.worker.config_diagnostics import Diagnostics
    from paddock.worker.config_sections import Key

__all__ = ["Assets", "KvNamespace", "NamedBinding", "check_names", "read_assets", "read_kv_namespaces"]

_KV_KEYS: Final = ("binding", "id", "preview_id", "remote")
_ASSETS_KEYS: Final = ("directory", "binding", "html_handling", "not_found_handling", "run_worker_first")
_NAVIGATION_FLAG: Final = "assets_navigation_prefers_asset_serving"


class NamedBinding(NamedTuple):
    """A binding's name in `env`, and what wrangler calls its kind."""

    name: str
    kind: str


class KvNamespace(msgspec.Struct, frozen=True):
    """One entry of `kv_namespaces`. Entries with the same id are the same namespace."""

    binding: str
    id: str


class Assets(msgspec.Struct, frozen=True):
    """`[assets]`, and its name in `env`, if it has one."""

    binding: str | None
    settings: AssetsSettings


class _Handling(msgspec.Struct, frozen=True):
    """The keys of `[assets]` that stand in the file as they are read."""

    binding: str | None = None
    html_handling: HtmlHandling = "auto-trailing-slash"
    not_found_handling: NotFoundHandling = "none"


def read_kv_namespaces(keys: Mapping[str, Key], diagnostics: Diagnostics) -> tuple[KvNamespace, ...]:
    """`[[kv_namespaces]]`. As in `wrangler dev`, `preview_id` goes before `id`; without both, the name is the id.

    `remote` is accepted: here namespaces are always local.
    """
    key = keys.get("kv_namespaces")
    if key is None:
        return ()
    if not isinstance(key.value, list):
        diagnostics.error(f'The field "{key.path}" should be an array but got {_shown(key.value)}.')
        return ()
    entries = (_kv_namespace(f"{key.path}[{index}]", entry, diagnostics) for index, entry in enumerate(key.value))
    return tuple(entry for entry in entries if entry is not None)


def read_assets(
    keys: Mapping[str, Key], root: Path, named: Path | None, flags: Collection[str], diagnostics: Diagnostics
) -> Assets | None:
    """`[assets]`. `named` is the folder of the command line, which goes before the file's and is relative to where the
    command runs. A folder that is not there yet is a warning: a build may make it.
    """
    key = keys.get("assets")
    if key is None and named is None:
        return None
    table = diagnostics.table(key.value, key.path) if key else {}
    path = key.path if key else "assets"
    diagnostics.unexpected(path, [name for name in table if name not in _ASSETS_KEYS], _ASSETS_KEYS)
    handling = diagnostics.fields(table, _Handling, path)
    run_first = table.get("run_worker_first", False)
    if run_first is True and not handling.binding:
        diagnostics.warn(
            "run_worker_first=true set without an assets binding\n"
            "Setting run_worker_first to true will always invoke your Worker script.\n"
            "To fetch your assets from your Worker, please set the [assets.binding] key in your configuration file."
        )
    settings = AssetsSettings(
        directory=str(_assets_directory(table, root, named, diagnostics)),
        html_handling=handling.html_handling,
        not_found_handling=handling.not_found_handling,
        run_worker_first=run_first is True,
        routing=_routing(run_first, f"{path}.run_worker_first", diagnostics),
        navigation_prefers_assets=_NAVIGATION_FLAG in flags,
    )
    return Assets(handling.binding or None, settings)


def check_names(bindings: Iterable[NamedBinding], variables: Collection[str], diagnostics: Diagnostics) -> None:
    """One error for each name that several bindings have, or a binding and a variable."""
    kinds: dict[str, list[str]] = {}
    for name, kind in (*((name, "Environment Variable") for name in variables), *bindings):
        kinds.setdefault(name, []).append(kind)
    for name, found in kinds.items():
        if len(found) > 1:
            different = list(dict.fromkeys(found))
            assigned = _listed(different) if len(different) > 1 else f"multiple {found[0]}"
            diagnostics.error(
                f"{name} assigned to {assigned} bindings.\n"
                "Bindings must have unique names, so that they can all be referenced in the worker.\n"
                "Please change your bindings to have unique names."
            )


def _assets_directory(table: Mapping[str, object], root: Path, named: Path | None, diagnostics: Diagnostics) -> Path:
    text = table.get("directory")
    source = (
        '"assets.directory" field in your configuration file' if named is None else '"--assets" command line argument'
    )
    if named is not None:
        directory = named.expanduser().resolve()
    elif text is None:
        diagnostics.error("The `assets` property in your configuration is missing the required `directory` property.")
        return root
    elif not isinstance(text, str):
        diagnostics.mismatch("assets.directory", text, "string")
        return root
    elif not text:
        diagnostics.error("The assets directory cannot be an empty string.")
        return root
    else:
        directory = (root / Path(text).expanduser()).resolve()
    if not directory.exists():
        diagnostics.warn(f"The directory specified by the {source} does not exist:\n{directory}")
    elif not directory.is_dir():
        diagnostics.error(f"The path specified by the {source} doesn't point to a directory:\n{directory}")
    elif root.is_relative_to(directory):
        diagnostics.warn(
            f"The directory of assets contains the project itself: anybody can fetch its code and its secrets.\n"
            f"Give assets a folder of their own, or list what is none in {directory / '.assetsignore'}."
        )
    return directory


def _routing(value: object, path: str, diagnostics: Diagnostics) -> Routing | None:
    if isinstance(value, bool):
        return None
    rules = tuple(value) if isinstance(value, list) and all(isinstance(rule, str) for rule in value) else None
    if rules is None:
        diagnostics.mismatch(path, value, "boolean or string array")
        return None
    problems = routing_problems(rules)
    for problem in problems:
        diagnostics.error(problem)
    return None if problems else Routing.of(rules)


def _kv_namespace(path: str, entry: object, diagnostics: Diagnostics) -> KvNamespace | None:
    if not isinstance(entry, dict):
        diagnostics.error(f'"kv_namespaces" bindings should be objects, but got {_shown(entry)}')
        return None
    diagnostics.unexpected(path, [name for name in entry if name not in _KV_KEYS], _KV_KEYS)
    binding = entry.get("binding")
    is_right = isinstance(binding, str) and bool(binding)
    if not is_right:
        diagnostics.error(f'"{path}" bindings should have a string "binding" field but got {_shown(entry)}.')
    for name in ("id", "preview_id"):
        if name in entry and not (isinstance(entry[name], str) and entry[name]):
            is_right = False
            diagnostics.error(f'"{path}" bindings should have a string "{name}" field but got {_shown(entry)}.')
    if not isinstance(entry.get("remote", False), bool):
        diagnostics.error(f'"{path}" should, optionally, have a boolean "remote" field but got {_shown(entry)}.')
    return KvNamespace(str(binding), entry.get("preview_id") or entry.get("id") or str(binding)) if is_right else None


def _listed(words: Sequence[str]) -> str:
    """Words as an English list."""
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()
