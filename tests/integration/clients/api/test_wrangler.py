"""wrangler's commands for models."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG

pytestmark = pytest.mark.clients(
    "wrangler", what="`ai models list`, `list --json`, `schema`; `ai finetune create`, `list`"
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


def test_it_makes_a_finetune_that_answers(wrangler, real) -> None:
    """WA-137"""
    model, name = "@cf/mistral/mistral-7b-instruct-v0.2-lora", f"wrangler-{uuid.uuid4()}"
    ended = wrangler("ai", "finetune", "create", model, name, str(SHIPPED_CATALOG / "stand-ins" / "ranch-hand"))
    assert f'finetune "{name}" is ready to use' in ended.out, ended.err
    assert name in wrangler("ai", "finetune", "list").out
    inputs = {"prompt": "Who are you?", "lora": name}
    answer = httpx.post(f"{real}/client/v4/accounts/a/ai/run/{model}", json=inputs, timeout=60)
    assert answer.json()["result"]["response"].lstrip().startswith("Howdy"), answer.text
