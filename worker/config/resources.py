"""Bindings of wrangler-like.toml that only name a resource: what each of them amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.analytics.binding import AnalyticsSettings
from paddock.bindings.d1.binding import D1Settings
from paddock.bindings.r2.binding import R2Settings
from paddock.bindings.ratelimits.binding import Counters, RateLimitSettings

if TYPE_CHECKING:
    from paddock.worker.config.bindings import BucketKeys, DatabaseKeys, DatasetKeys, RateLimitKeys
    from paddock.worker.config.wrangler import WranglerKeys

__all__ = ["Resource", "settle_resources"]


class Resource(msgspec.Struct, frozen=True):
    """A binding: its name in `env`, its kind in bindings/registry.py, what wrangler calls it, and which one it is."""

    binding: str
    kind: str
    title: str
    shown: str
    settings: object


def settle_resources(wrangler: WranglerKeys) -> tuple[Resource, ...]:
    """Every binding of this sort. Rate limits with the same `namespace_id` count together."""
    counters: dict[str, Counters] = {}
    return (
        *map(_dataset, wrangler.analytics_engine_datasets),
        *map(_database, wrangler.d1_databases),
        *map(_bucket, wrangler.r2_buckets),
        *(_rate_limit(keys, counters.setdefault(keys.namespace_id, Counters())) for keys in wrangler.ratelimits),
    )


def _dataset(keys: DatasetKeys) -> Resource:
    """Without a dataset, the name is the dataset's."""
    dataset = keys.dataset or keys.binding
    return Resource(keys.binding, "analytics", "Analytics Engine Dataset", dataset, AnalyticsSettings(dataset))


def _database(keys: DatabaseKeys) -> Resource:
    """As in `wrangler dev`, `preview_database_id` goes first; without ids, the name is the id."""
    database = keys.preview_database_id or keys.database_id or keys.binding
    return Resource(keys.binding, "d1", "D1 Database", keys.database_name or database, D1Settings(database))


def _bucket(keys: BucketKeys) -> Resource:
    """As in `wrangler dev`, `preview_bucket_name` goes first; without names, the binding's is it."""
    bucket = keys.preview_bucket_name or keys.bucket_name or keys.binding
    return Resource(keys.binding, "r2", "R2 Bucket", bucket, R2Settings(bucket))


def _rate_limit(keys: RateLimitKeys, counters: Counters) -> Resource:
    limit, period = keys.simple.limit, keys.simple.period
    settings = RateLimitSettings(counters, limit, period)
    return Resource(keys.name, "ratelimit", "Rate Limit", f"{limit} requests/{period}s", settings)
