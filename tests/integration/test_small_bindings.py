"""env.LIMITER, env.DATASET and env.VERSION in a handler, through the official SDK."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from paddock.bindings.analytics.binding import AnalyticsBinding
from paddock.bindings.ratelimits.binding import Counters, RateLimitBinding, RateLimitSettings

from .snippets import SNIPPETS, code_header

SOURCE = f"""{SNIPPETS}
from pyodide.ffi import JsException, to_js

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        try:
            return Response.json(await self.run(request, env=self.env))
        except JsException as error:
            return Response.json(f"{{error.name}}: {{error.message}}")
"""
SETTINGS = {
    "ratelimits": [{"name": "LIMITER", "namespace_id": "1", "simple": {"limit": 2, "period": 60}}],
    "analytics_engine_datasets": [{"binding": "DATASET", "dataset": "test"}],
}
pytestmark = pytest.mark.paddock(source=SOURCE, settings=SETTINGS)


@pytest.fixture
def ask(run_code) -> Callable[[str], object]:
    """`ask(code)`: the JSON that the code returns."""
    return lambda code: run_code(code).json()


@pytest.fixture
def ask_parts(serve, tmp_path: Path) -> Callable[[str], object]:
    """As `ask`, of bindings that the test holds in its hands: with a clock that stands, and a file to look into."""

    def run(code: str) -> object:
        async def asked() -> object:
            more = {
                "LIMITER": RateLimitBinding(RateLimitSettings(Counters(lambda: 600.0), 2, 60)),
                "DATASET": AnalyticsBinding(lambda: tmp_path / "dataset.sqlite"),
            }
            async with serve(SOURCE, more=more) as running:
                return (await running.client.post("/", headers=code_header(code))).json()

        return asyncio.run(asked())

    return run


def test_a_rate_limiter_lets_a_key_through_until_it_is_over_its_limit(ask_parts) -> None:
    body = """
    found = [(await env.LIMITER.limit({"key": "a"})).success for _ in range(3)]
    return [*found, (await env.LIMITER.limit(key="b"))["success"], (await env.LIMITER.limit({"key": "a", "limit": 9})).success]
    """  # noqa: E501 - one expression of a handler
    assert ask_parts(body) == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("None", "Error: invalid rate limit options"),
        ('"a"', "Error: invalid rate limit options"),
        ('{"keys": "a", "x": 1}', "Error: bad rate limit options: [keys,x]"),
        ('{"key": 5}', "Error: invalid key: 5"),
        ('{"key": "a", "limit": "5"}', "Error: limit must be a number: 5"),
        ('{"key": "a", "period": 5}', "Error: unsupported period: 5"),
    ],
)
def test_options_are_refused_in_the_words_of_production(ask, options: str, text: str) -> None:
    assert ask(f"return await env.LIMITER.limit({options})") == text


def test_data_points_are_kept(ask_parts, tmp_path: Path) -> None:
    """The columns are those of production's SQL API; the handler awaits nothing."""
    body = """
    env.DATASET.writeDataPoint({"blobs": ["Berlin", None, b"raw"], "doubles": [1.5, 2], "indexes": ["i"]})
    env.DATASET.writeDataPoint(blobs=["x"])
    return env.DATASET.writeDataPoint({})
    """
    assert ask_parts(body) is None
    with closing(sqlite3.connect(tmp_path / "dataset.sqlite")) as database:
        found = database.execute("SELECT index1, blob1, blob2, blob3, double1, double2, double20 FROM data_points")
        assert sorted(found) == [
            ("", "", "", "", 0.0, 0.0, 0.0),
            ("", "x", "", "", 0.0, 0.0, 0.0),
            ("i", "Berlin", "", "raw", 1.5, 2.0, 0.0),
        ]


@pytest.mark.parametrize(
    ("point", "text"),
    [
        ('{"indexes": ["a", "b"]}', "Maximum of 1 indexes supported."),
        ('{"indexes": ["a" * 97]}', "Size of indexes[0] exceeds 96 bytes)."),
        ('{"blobs": ["a"] * 21}', "Maximum of 20 blobs supported."),
        ('{"blobs": ["a" * 16_001]}', "Cumulative size of blobs exceeds 16000 bytes)."),
        ('{"doubles": [1] * 21}', "Maximum of 20 doubles supported."),
    ],
)
def test_data_points_over_a_limit_are_refused_in_the_words_of_production(ask, point: str, text: str) -> None:
    assert ask(f"env.DATASET.writeDataPoint({point})") == f"TypeError: writeDataPoint(): {text}"
