"""The bindings of wrangler's configuration, and what leads to other workers, as types; see wrangler.py."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from paddock.bindings.assets.settings import HtmlHandling, NotFoundHandling  # noqa: TC001 - msgspec reads them

__all__ = [
    "AiKeys",
    "AssetsKeys",
    "BucketKeys",
    "DatabaseKeys",
    "DatasetKeys",
    "KvKeys",
    "KvNamespace",
    "QueueConsumer",
    "QueueProducer",
    "QueuesKeys",
    "RateLimitKeys",
    "RateLimitRule",
    "ServiceBinding",
    "TailConsumer",
    "VersionMetadataKeys",
]

_LIST_TEXT: Final = '"{path}" bindings should have a string "{key}" field but got {entry}.'

#: `text` is what wrangler says of a wrong or missing one.
_Text = Annotated[str, Meta(min_length=1, extra={"text": _LIST_TEXT})]
_Optional = Annotated[
    str, Meta(extra={"text": '"{path}" bindings should have an optional string "{key}" field but got {entry}.'})
]
_OptionalText = Annotated[
    str,
    Meta(
        min_length=1,
        extra={"text": '"{path}" bindings should, optionally, have a string "{key}" field but got {entry}.'},
    ),
]
_Remote = Annotated[
    bool, Meta(extra={"text": '"{path}" should, optionally, have a boolean "{key}" field but got {entry}.'})
]
_BucketName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$(?!\n)",
        extra={
            "text": "{path}.{key}={value} is invalid. Bucket names must begin and end with an alphanumeric character, "
            "only contain lowercase letters, numbers, and hyphens, and be between 3 and 63 characters long."
        },
    ),
]
_OnlyText = Annotated[str, Meta(min_length=1, extra={"text": '"{path}" binding should have a string "{key}" field.'})]


class AiKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[ai]`. `remote` and `staging` have no effect: here the models always run locally."""

    #: Name in `env`.
    binding: _OnlyText
    #: No effect: models always run here.
    remote: bool = False
    #: No effect.
    staging: bool = False


class KvKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[kv_namespaces]]`. `remote` has no effect: here namespaces are always local."""

    #: Name in `env`.
    binding: _Text
    #: Which namespace; without one, its name.
    id: _Text | None = None
    #: Goes before `id`.
    preview_id: _Text | None = None
    #: No effect: namespaces are always here.
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
    #: Name in `env`, if the worker itself asks for files.
    binding: str | None = None
    #: How paths lead to .html files.
    html_handling: HtmlHandling = "auto-trailing-slash"
    #: What answers where there is no file.
    not_found_handling: NotFoundHandling = "none"
    #: Whether the worker goes before the files: always, or for these paths.
    run_worker_first: bool | list[str] = False


class ServiceBinding(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[services]]`: a worker, and the entrypoint of it that a name in `env` leads to."""

    #: Name in `env`.
    binding: _Text
    #: Name of the worker.
    service: _Text
    #: Without one, the default one.
    entrypoint: _Optional | None = None
    #: What the entrypoint finds in `ctx.props`: JSON.
    props: dict[str, Any] = {}
    #: No effect.
    environment: Any = None
    #: No effect.
    remote: _Remote = False


class QueueProducer(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[queues.producers]]`: a name in `env` that sends to a queue."""

    #: Name in `env`.
    binding: _Text
    #: Name of the queue.
    queue: _Text
    #: Seconds.
    delivery_delay: Annotated[float, Meta(ge=0)] = 0.0
    #: No effect: queues are always here.
    remote: _Remote = False


class QueueConsumer(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[queues.consumers]]`: a queue that this worker consumes. Defaults of the official dev server."""

    #: Name of the queue.
    queue: _Text
    #: Messages.
    max_batch_size: Annotated[int, Meta(ge=1, le=100)] = 5
    #: Seconds.
    max_batch_timeout: Annotated[float, Meta(ge=0, le=60)] = 1.0
    #: Deliveries after the first.
    max_retries: Annotated[int, Meta(ge=0, le=100)] = 2
    #: Where messages go that failed too often.
    dead_letter_queue: str | None = None
    #: Seconds.
    retry_delay: Annotated[float, Meta(ge=0)] = 0.0
    #: No effect.
    max_concurrency: Any = None
    #: No effect.
    type: Any = None
    #: No effect.
    visibility_timeout_ms: Any = None


class QueuesKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[queues]`."""

    #: Names in `env` that send.
    producers: tuple[QueueProducer, ...] = ()
    #: Queues that this worker consumes.
    consumers: tuple[QueueConsumer, ...] = ()


class DatasetKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[analytics_engine_datasets]]`."""

    #: Name in `env`.
    binding: _Text
    #: Which dataset; without one, its name.
    dataset: _OptionalText | None = None


class DatabaseKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[d1_databases]]`. Migrations are not run."""

    #: Name in `env`.
    binding: _Text
    #: What people call it.
    database_name: _OptionalText | None = None
    #: Which database; without one, its name in `env`.
    database_id: _OptionalText | None = None
    #: Goes before `database_id`.
    preview_database_id: _OptionalText | None = None
    #: No effect.
    database_internal_env: Any = None
    #: No effect.
    migrations_dir: Any = None
    #: No effect.
    migrations_pattern: Any = None
    #: No effect.
    migrations_table: Any = None
    #: No effect: databases are always here.
    remote: _Remote = False


class BucketKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[r2_buckets]]`."""

    #: Name in `env`.
    binding: _Text
    #: Which bucket; without one, its name in `env`.
    bucket_name: _BucketName | None = None
    #: Goes before `bucket_name`.
    preview_bucket_name: _BucketName | None = None
    #: No effect.
    jurisdiction: Any = None
    #: No effect.
    local_dev: Any = None
    #: No effect: buckets are always here.
    remote: _Remote = False


class RateLimitRule(msgspec.Struct, frozen=True, kw_only=True):
    """`simple` of a rate limit."""

    #: Calls that succeed in a period.
    limit: Annotated[
        int | float, Meta(extra={"text": '"{parent}" bindings "simple.limit" must be a number but got {entry}.'})
    ]
    #: Seconds.
    period: Annotated[
        Literal[10, 60],
        Meta(
            extra={
                "text": '"{parent}" bindings "simple.period" must be either 10 or 60 but got {value}.',
                "missing": '"{parent}" bindings "simple.period" is required and must be a number but got {entry}.',
            }
        ),
    ]


class RateLimitKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[[ratelimits]]`."""

    #: Name in `env`.
    name: _Text
    #: Bindings with the same one count together.
    namespace_id: _Text
    #: The limit.
    simple: Annotated[
        RateLimitRule,
        Meta(extra={"text": '"{path}" bindings must have a "simple" configuration object but got {entry}.'}),
    ]


class VersionMetadataKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[version_metadata]`."""

    #: Name in `env`: an object with the id, the tag and the time of the version.
    binding: _OnlyText


class TailConsumer(msgspec.Struct, frozen=True, kw_only=True):
    """One of `tail_consumers`: a worker that is told what became of events."""

    #: Name of the worker.
    service: _Text
    #: No effect.
    environment: Any = None
