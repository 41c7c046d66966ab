"""wrangler-like.toml: bindings that only name a resource."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from paddock.bindings.analytics.binding import AnalyticsSettings
from paddock.bindings.d1.binding import D1Settings
from paddock.bindings.host import BindingsHost
from paddock.bindings.r2.binding import R2Settings
from paddock.worker.assembly import make_start
from paddock.worker.greeting import bindings_table

if TYPE_CHECKING:
    from .conftest import Project

LIMITER = '{name = "A", namespace_id = "1", simple = {limit = 5, period = 60}}'


def test_bindings_are_read_and_stand_in_the_table(project: Project) -> None:
    config = project.load(
        f'ratelimits = [{LIMITER}, {{name = "B", namespace_id = "1", simple = {{limit = 1, period = 10}}}}]\n'
        'analytics_engine_datasets = [{binding = "D", dataset = "visits"}, {binding = "E"}]\n'
        'version_metadata = {binding = "V"}\n'
    )
    assert config.warnings == ()
    datasets, (first, second) = config.resources[:2], (found.settings for found in config.resources[2:])
    assert [found.settings for found in datasets] == [AnalyticsSettings("visits"), AnalyticsSettings("E")]
    assert first.counters is second.counters, "a namespace counts for all of its bindings"  # type: ignore[attr-defined]
    rows = [line.split("  ")[0] for line in bindings_table(config).splitlines()[2:]]
    assert rows == ["env.D (visits)", "env.E (E)", "env.A (5 requests/60s)", "env.B (1 requests/10s)", "env.V"]


def test_databases_have_the_id_that_wrangler_dev_gives_them(project: Project) -> None:
    """`preview_database_id`, else `database_id`, else the name in `env`."""
    config = project.load(
        'd1_databases = [{binding = "A", database_id = "1", preview_database_id = "2", database_name = "n"}, '
        '{binding = "B", database_id = "1", migrations_dir = "m", remote = true}, {binding = "C"}]\n'
    )
    assert config.warnings == ()
    found = [(resource.shown, resource.settings) for resource in config.resources]
    assert found == [("n", D1Settings("2")), ("1", D1Settings("1")), ("C", D1Settings("C"))]


def test_buckets_have_the_name_that_wrangler_dev_gives_them(project: Project) -> None:
    config = project.load(
        'r2_buckets = [{binding = "A", bucket_name = "one", preview_bucket_name = "two"}, '
        '{binding = "B", bucket_name = "one", jurisdiction = "eu"}, {binding = "C"}]\n'
    )
    assert config.warnings == ()
    assert [found.settings for found in config.resources] == [R2Settings("two"), R2Settings("one"), R2Settings("C")]
    (problem,) = project.problems('r2_buckets = [{binding = "A", bucket_name = "A_b"}]\n')
    assert problem.startswith('r2_buckets[0].bucket_name="A_b" is invalid. Bucket names must begin and end with')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('ratelimits = "A"', 'The field "ratelimits" should be an array but got "A".'),
        ('ratelimits = ["A"]', '"ratelimits" bindings should be objects, but got "A"'),
        (
            'ratelimits = [{name = "A", namespace_id = "1"}]',
            (
                '"ratelimits[0]" bindings must have a "simple" configuration object but got '
                '{"name":"A","namespace_id":"1"}.'
            ),
        ),
        (
            f"ratelimits = [{LIMITER.replace('60', '30')}]",
            '"ratelimits[0]" bindings "simple.period" must be either 10 or 60 but got 30.',
        ),
        (
            f"ratelimits = [{LIMITER.replace('limit = 5, ', '')}]",
            '"ratelimits[0]" bindings "simple.limit" must be a number but got {"period":60}.',
        ),
        (
            'analytics_engine_datasets = [{dataset = "d"}]',
            '"analytics_engine_datasets[0]" bindings should have a string "binding" field but got {"dataset":"d"}.',
        ),
        (
            'analytics_engine_datasets = [{binding = "D", dataset = ""}]',
            (
                '"analytics_engine_datasets[0]" bindings should, optionally, have a string "dataset" field but got '
                '{"binding":"D","dataset":""}.'
            ),
        ),
        ("version_metadata = {}", '"version_metadata" binding should have a string "binding" field.'),
    ],
)
def test_what_is_wrong_is_named_as_wrangler_names_it(project: Project, text: str, problem: str) -> None:
    assert project.problems(text + "\n") == [problem]


def test_a_name_belongs_to_one_binding(project: Project) -> None:
    (problem,) = project.problems(f'ratelimits = [{LIMITER}]\nversion_metadata = {{binding = "A"}}\n')
    assert problem.startswith("A assigned to Rate Limit and Worker Version Metadata bindings.")


def test_version_metadata_has_an_id_no_tag_and_a_time(project: Project) -> None:
    start = make_start(project.load('version_metadata = {binding = "V"}\n'), BindingsHost({}))
    version = msgspec.json.decode(start.json["V"])
    assert (len(version["id"]), version["tag"]) == (36, "")
    assert datetime.datetime.fromisoformat(version["timestamp"]).tzinfo == datetime.UTC
