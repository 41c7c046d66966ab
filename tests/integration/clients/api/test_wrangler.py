"""wrangler's commands for models."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.clients(
    "wrangler", what="`ai models list`, `list --json`, `schema`; `ai finetune`: the refusal"
)

PHI = "@cf/microsoft/phi-2"


@pytest.fixture
def wrangler(installed, run, real) -> Callable[..., Any]:
    folder = installed("wrangler")
    settings = {
        "CLOUDFLARE_API_BASE_URL": f"{real}/client/v4",
        "CLOUDFLARE_ACCOUNT_ID": "a",
        "CLOUDFLARE_API_TOKEN": "anything",
    }
    return lambda *words: run(["node", "node_modules/wrangler/bin/wrangler.js", *words], folder, **settings)


def test_it_lists_models(wrangler) -> None:
    """WA-124"""
    assert PHI in [model["name"] for model in wrangler("ai", "models", "list", "--json").json()]


def test_it_shows_the_table_of_models(wrangler) -> None:
    """WA-124"""
    ended = wrangler("ai", "models", "list")
    assert ended.code == 0, ended.err
    assert PHI in ended.out


def test_it_prints_a_models_schema(wrangler) -> None:
    """WA-124"""
    assert set(wrangler("ai", "models", "schema", PHI).json()) == {"input", "output"}


def test_it_shows_why_there_are_no_finetunes(wrangler) -> None:
    ended = wrangler("ai", "finetune", "list")
    assert ended.code == 1
    assert "Finetunes are not served over REST by Paddock yet" in ended.out + ended.err
