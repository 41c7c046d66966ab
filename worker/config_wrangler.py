"""What Paddock reads of wrangler's own keys, as types: msgspec decodes them, and the JSON Schema is made of them.

Keys that these types do not have are warned about, because wrangler grows faster than Paddock. A key that has no effect
here is a field all the same: it is accepted without a word.

Source: configuration reference of the developer docs; validation rules, defaults and texts of wrangler 4.125.
"""

from __future__ import annotations

import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from paddock.bindings.assets.settings import HtmlHandling, NotFoundHandling  # noqa: TC001 - as above
from paddock.worker.config_settings import DevSettings, LimitsSettings, PaddockSettings

__all__ = [
    "AiKeys",
    "AssetsKeys",
    "KvKeys",
    "KvNamespace",
    "QueueConsumer",
    "QueueProducer",
    "QueuesKeys",
    "RouteKeys",
    "SecretsKeys",
    "ServiceBinding",
    "TriggersKeys",
    "WranglerKeys",
]

_LIST_TEXT: Final = '"{path}" bindings should have a string "{key}" field but got {entry}.'
_NAME: Final = r"^[a-z0-9_][a-z0-9-_]*$"  # wrangler's rule for names of workers

#: `text` is what wrangler says of a wrong or missing one.
_Text = Annotated[str, Meta(min_length=1, extra={"text": _LIST_TEXT})]
_Optional = Annotated[
    str, Meta(extra={"text": '"{path}" bindings should have an optional string "{key}" field but got {entry}.'})
]
_Remote = Annotated[
    bool, Meta(extra={"text": '"{path}" should, optionally, have a boolean "{key}" field but got {entry}.'})
]
_OnlyText = Annotated[str, Meta(min_length=1, extra={"text": '"{path}" binding should have a string "{key}" field.'})]


class AiKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[ai]`. `remote` and `staging` have no effect: here the models always run locally."""

    binding: _OnlyText
    remote: bool = False
    staging: bool = False


class KvKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[kv_namespaces]]`. `remote` has no effect: here namespaces are always local."""

    binding: _Text
    id: _Text | None = None
    preview_id: _Text | None = None
    remote: _Remote = False


class KvNamespace(msgspec.Struct, frozen=True):
    """A namespace as a name in `env` leads to it. Entries with the same id are the same namespace."""

    binding: str
    id: str

    @classmethod
    def of(cls, keys: KvKeys) -> KvNamespace:
        """As in `wrangler dev`, `preview_id` goes before `id`; without both, the name is the id."""
        return cls(keys.binding, keys.preview_id or keys.id or keys.binding)


class AssetsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[assets]`."""

    #: Required, unless the command line names a folder.
    directory: str | None = None
    binding: str | None = None
    html_handling: HtmlHandling = "auto-trailing-slash"
    not_found_handling: NotFoundHandling = "none"
    run_worker_first: bool | list[str] = False


class ServiceBinding(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[services]]`: a worker, and the entrypoint of it that a name in `env` leads to."""

    binding: _Text
    service: _Text
    #: None: the default one.
    entrypoint: _Optional | None = None
    #: What the entrypoint finds in `ctx.props`: JSON.
    props: dict[str, Any] = {}
    environment: Any = None
    remote: _Remote = False


class QueueProducer(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[queues.producers]]`: a name in `env` that sends to a queue."""

    binding: _Text
    queue: _Text
    #: Seconds.
    delivery_delay: Annotated[float, Meta(ge=0)] = 0.0
    remote: _Remote = False


class QueueConsumer(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[queues.consumers]]`: a queue that this worker consumes. Defaults of the official dev server."""

    queue: _Text
    max_batch_size: Annotated[int, Meta(ge=1, le=100)] = 5
    #: Seconds.
    max_batch_timeout: Annotated[float, Meta(ge=0, le=60)] = 1.0
    #: Deliveries after the first.
    max_retries: Annotated[int, Meta(ge=0, le=100)] = 2
    dead_letter_queue: str | None = None
    #: Seconds.
    retry_delay: Annotated[float, Meta(ge=0)] = 0.0
    max_concurrency: Any = None
    type: Any = None
    visibility_timeout_ms: Any = None


class QueuesKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[queues]`."""

    producers: tuple[QueueProducer, ...] = ()
    consumers: tuple[QueueConsumer, ...] = ()


class RouteKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `routes`, where it is no text. Only host and zone mean something here."""

    pattern: str
    zone_name: str | None = None
    zone_id: Any = None
    custom_domain: Any = None
    enabled: Any = None
    previews_enabled: Any = None


class SecretsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[secrets]`: the names that the worker needs. Without `required`, every secret of the files is taken."""

    required: tuple[str, ...] | None = None


class TriggersKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[triggers]`: nothing fires the crons by itself."""

    crons: tuple[str, ...] = ()


_ROUTE_TEXT: Final = "either a string or an object with the shape { pattern, custom_domain, zone_id | zone_name }"
_Route = Annotated[str | RouteKeys, Meta(description=_ROUTE_TEXT)]
_Routes = Annotated[tuple[str | RouteKeys, ...], Meta(description=f"array, each entry {_ROUTE_TEXT},")]


class WranglerKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one environment, decoded."""

    ai: AiKeys | None = None
    kv_namespaces: tuple[KvKeys, ...] = ()
    assets: AssetsKeys | None = None
    services: tuple[ServiceBinding, ...] = ()
    queues: QueuesKeys = QueuesKeys()
    vars: dict[str, Any] = {}
    secrets: SecretsKeys = SecretsKeys()
    name: Annotated[str, Meta(pattern=_NAME, description="string, alphanumeric and lowercase with dashes only")] = (
        "worker"
    )
    main: str | None = None
    compatibility_date: datetime.date | None = None
    compatibility_flags: tuple[str, ...] = ()
    triggers: TriggersKeys = TriggersKeys()
    route: _Route | None = None
    routes: _Routes = ()
    dev: DevSettings = DevSettings()
    limits: LimitsSettings = LimitsSettings()
    paddock: PaddockSettings = PaddockSettings()
