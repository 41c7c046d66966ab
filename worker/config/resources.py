"""Bindings of wrangler-like.toml that only name a resource: what each of them amounts to.

A binding is imported for the first one of its kind: most workers have few kinds, and every start would wait for all.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    """Every binding of this sort."""
    return (
        *map(_dataset, wrangler.analytics_engine_datasets),
        *map(_database, wrangler.d1_databases),
        *map(_bucket, wrangler.r2_buckets),
        *_rate_limits(wrangler.ratelimits),
    )


def _dataset(keys: DatasetKeys) -> Resource:
    """Without a dataset, the name is the dataset's."""
    from paddock.bindings.analytics.binding import AnalyticsSettings

    dataset = keys.dataset or keys.binding
    return Resource(keys.binding, "analytics", "Analytics Engine Dataset", dataset, AnalyticsSettings(dataset))


def _database(keys: DatabaseKeys) -> Resource:
    """As in `wrangler dev`, `preview_database_id` goes first; without ids, the name is the id."""
    from paddock.bindings.d1.binding import D1Settings

    database = keys.preview_database_id or keys.database_id or keys.binding
    return Resource(keys.binding, "d1", "D1 Database", keys.database_name or database, D1Settings(database))


def _bucket(keys: BucketKeys) -> Resource:
    """As in `wrangler dev`, `preview_bucket_name` goes first; without names, the binding's is it."""
    from paddock.bindings.r2.binding import R2Settings

    bucket = keys.preview_bucket_name or keys.bucket_name or keys.binding
    return Resource(keys.binding, "r2", "R2 Bucket", bucket, R2Settings(bucket))


def _rate_limits(limits: Sequence[RateLimitKeys]) -> Iterator[Resource]:
    """Those with the same `namespace_id` count together."""
    if not limits:
        return
    from paddock.bindings.ratelimits.binding import Counters, RateLimitSettings

    counters: defaultdict[str, Counters] = defaultdict(Counters)
    for keys in limits:
        limit, period = keys.simple.limit, keys.simple.period
        settings = RateLimitSettings(counters[keys.namespace_id], limit, period)
        yield Resource(keys.name, "ratelimit", "Rate Limit", f"{limit} requests/{period}s", settings)
