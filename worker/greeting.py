"""What `paddock dev` says when it starts: bindings, then models and what they would answer with. DT-002 to DT-004."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

import msgspec

from paddock.bindings.ai.tasks import task_of
from paddock.bindings.errors import WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService
    from paddock.worker.config.loading import Config

__all__ = ["bindings_table", "cron_advice", "exposure_warning", "models_in_use", "models_table", "tail_list"]

_SHOWN_VALUE: Final = 40
_NO_TASK: Final = "none: nothing here runs this task"
#: What stands in a handler as the id of a model.
_MODEL_ID: Final = re.compile(r"@(?:cf|hf)/[\w.-]+/[\w.-]+")
_HEAD: Final = ("Binding", "Resource", "Mode")


def bindings_table(
    config: Config, session: Collection[str] = (), *, engine: str = "vLLM", columns: int | None = None
) -> str:
    """The bindings in wrangler's words, by kind. Values are cut, secrets hidden.

    `session` has the names of the workers that run; several have a table each, titled by its worker's name. `engine`
    says what answers AI calls. In a terminal of fewer `columns` than a line needs, values have lines of their own.
    """
    rows = sorted(_bindings(config, session, engine), key=lambda row: row.resource)
    owner = config.name if len(session) > 1 else ""
    if not rows:
        return f"{owner}: No bindings found." if owner else "No bindings found."
    lines = _columns([_HEAD, *(row.whole for row in rows)])
    if columns is not None and max(map(len, lines.splitlines())) > columns:
        head, *found = _columns([_HEAD, *(row.plain for row in rows)]).splitlines()
        values = [f"\n  ({row.value})" if row.value else "" for row in rows]
        lines = "\n".join([head, *(line + value for line, value in zip(found, values, strict=True))])
    return f"{owner or 'Your Worker'} has access to the following bindings:\n{lines}"


class _Row(NamedTuple):
    name: str
    value: str
    resource: str
    mode: str = "local"

    @property
    def whole(self) -> tuple[str, ...]:
        return (f"env.{self.name} ({self.value})" if self.value else f"env.{self.name}", self.resource, self.mode)

    @property
    def plain(self) -> tuple[str, ...]:
        return (f"env.{self.name}", self.resource, self.mode)


def _bindings(config: Config, session: Collection[str], engine: str) -> Iterator[_Row]:
    if config.ai:
        yield _Row(config.ai, "", f"AI ({engine})")
    if config.assets is not None and config.assets.binding:
        yield _Row(config.assets.binding, "", "Assets")
    for namespace in config.kv_namespaces:
        yield _Row(namespace.binding, namespace.id, "KV Namespace")
    for producer in config.producers:
        yield _Row(producer.binding, producer.queue, "Queue")
    for found in config.resources:
        yield _Row(found.binding, found.shown, found.title)
    if config.version_metadata:
        yield _Row(config.version_metadata, "", "Worker Version Metadata")
    for service in config.services:
        target = service.service + (f"#{service.entrypoint}" if service.entrypoint else "")
        is_there = service.service == config.name or service.service in session
        yield _Row(service.binding, target, "Worker", "local [connected]" if is_there else "local [not connected]")
    for name, value in sorted(config.vars.items()):
        shown = "hidden" if name in config.secret_names else _cut(msgspec.json.encode(value).decode())
        yield _Row(name, shown, "Environment Variable")


def cron_advice(config: Config, url: str) -> str | None:
    """How the first cron is triggered by hand, as a command to copy; None without crons. DT-044."""
    if not config.crons:
        return None
    flag = "-k " if url.startswith("https:") else ""
    query = quote(config.crons[0], safe="*/,-").replace("%20", "+")
    return (
        "Scheduled Workers are not automatically triggered during local development. To manually trigger a scheduled "
        f'event, run:\n  curl {flag}"{url}/cdn-cgi/local/scheduled?cron={query}"'
    )


def tail_list(config: Config, session: Collection[str] = ()) -> str:
    """The workers that are told of this one's events, in wrangler's words; empty where there are none."""
    if not config.tail_consumers:
        return ""
    owner = config.name if len(session) > 1 else "Your Worker"
    marks = {name: "connected" if name in session else "not connected" for name in config.tail_consumers}
    lines = [f"- {name} [{mark}]" for name, mark in marks.items()]
    return "\n".join([f"{owner} is sending Tail events to the following Workers:", *lines])


def models_in_use(config: Config, preload: Iterable[str] = ()) -> set[str]:
    """The models that a worker is about: those that its configuration, `--preload` or its main module name."""
    try:
        source = config.main.read_text("utf-8", errors="replace")
    except OSError:  # there is no such file yet, which the configuration's warnings say
        source = ""
    return {*config.paddock.models, *preload, *_MODEL_ID.findall(source)}


def models_table(service: AiService, only: Collection[str] | None = None) -> str:
    """One line for each model, or for each of `only`; what stand-ins are, and how to see all, stands below once.

    A stand-in is never shown as the model that it stands for.
    """
    rows = [_model_row(service, card) for card in service.catalog if only is None or card.name in only]
    lines = [_columns([("Model", "Task", "State", "Weights"), *rows])] if rows else []
    if any(row[-1].startswith("stand-in ") for row in rows):
        lines.append("A stand-in is a tiny model that answers in place of the real weights: `paddock ai pull MODEL`.")
    if others := len(service.catalog) - len(rows):
        lines.append(f"{others} {'other ' if rows else ''}models in the catalog: `paddock ai models list`.")
    return "\n".join(lines)


def _model_row(service: AiService, card: ModelCard) -> tuple[str, str, str, str]:
    try:
        weights = service.engines.weights(card).describe()
    except WeightsMissing as missing:
        weights = f"missing: {missing.hint or missing.message}" if task_of(card) else _NO_TASK
    return (card.name, card.task.name if card.task else "", service.engines.state(card), weights)


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
