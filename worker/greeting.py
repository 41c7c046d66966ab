"""What `paddock dev` says when it starts: bindings, then models and what they would answer with. DT-002 to DT-004."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.errors import WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from paddock.bindings.ai.service import AiService
    from paddock.worker.config import Config

__all__ = ["bindings_table", "exposure_warning", "models_table", "tail_list"]

_SHOWN_VALUE: Final = 40


def bindings_table(config: Config, session: Collection[str] = ()) -> str:
    """The bindings in wrangler's words. Values are cut, secrets hidden.

    `session` has the names of the workers that run; several have a table each, titled by its worker's name.
    """
    rows = [("Binding", "Resource", "Mode")]
    if config.ai:
        rows.append((f"env.{config.ai}", "AI (vLLM)", "local"))
    if config.assets is not None and config.assets.binding:
        rows.append((f"env.{config.assets.binding}", "Assets", "local"))
    rows += [
        (f"env.{namespace.binding} ({namespace.id})", "KV Namespace", "local") for namespace in config.kv_namespaces
    ]
    for producer in config.producers:
        rows.append((f"env.{producer.binding} ({producer.queue})", "Queue", "local"))
    rows += [(f"env.{found.binding} ({found.shown})", found.title, "local") for found in config.resources]
    if config.version_metadata:
        rows.append((f"env.{config.version_metadata}", "Worker Version Metadata", "local"))
    for service in config.services:
        target = service.service + (f"#{service.entrypoint}" if service.entrypoint else "")
        is_there = service.service == config.name or service.service in session
        mode = "local [connected]" if is_there else "local [not connected]"
        rows.append((f"env.{service.binding} ({target})", "Worker", mode))
    for name, value in sorted(config.vars.items()):
        shown = "(hidden)" if name in config.secret_names else _cut(msgspec.json.encode(value).decode())
        rows.append((f"env.{name} ({shown})", "Environment Variable", "local"))
    owner = config.name if len(session) > 1 else ""
    if len(rows) == 1:
        return f"{owner}: No bindings found." if owner else "No bindings found."
    return f"{owner or 'Your Worker'} has access to the following bindings:\n" + _columns(rows)


def tail_list(config: Config, session: Collection[str] = ()) -> str:
    """The workers that are told of this one's events, in wrangler's words; empty where there are none."""
    if not config.tail_consumers:
        return ""
    owner = config.name if len(session) > 1 else "Your Worker"
    marks = {name: "connected" if name in session else "not connected" for name in config.tail_consumers}
    lines = [f"- {name} [{mark}]" for name, mark in marks.items()]
    return "\n".join([f"{owner} is sending Tail events to the following Workers:", *lines])


def models_table(service: AiService) -> str:
    """One line for each model. A stand-in is never shown as the model that it stands for."""
    rows = [("Model", "Task", "State", "Weights")]
    for card in service.catalog:
        try:
            weights = service.engines.weights(card).describe()
        except WeightsMissing as missing:
            weights = f"missing: {missing.hint or missing.message}"
        rows.append((card.name, card.task.name if card.task else "", service.engines.state(card), weights))
    return _columns(rows)


def exposure_warning(config: Config, addresses: Iterable[str]) -> str | None:
    """What to say when other machines can reach the server and no token is asked of them; None when all is well."""
    open_to = [address for address in addresses if not ipaddress.ip_address(address.partition("%")[0]).is_loopback]
    if config.paddock.api_token is not None or not open_to:
        return None
    return (
        f"Other machines can reach this server ({', '.join(open_to)}), and its REST API asks for no token. "
        'Set one: api_token = "..." under [paddock] in wrangler-like.toml, or PADDOCK_API_TOKEN in the environment.'
    )


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_VALUE else text[: _SHOWN_VALUE - 3] + "..."
