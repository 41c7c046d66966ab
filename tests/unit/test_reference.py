"""What the documentation says of commands and configuration, and the JSON Schema, against the code."""

from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path

import jsonschema
import msgspec
import pytest

from paddock.worker.config.files import read_config
from paddock.worker.config.schema import SCHEMA_FILE

ROOT = Path(__file__).parents[2]
REFERENCE = runpy.run_path(str(ROOT / "tests" / "reference.py"))
SCHEMA = json.loads((ROOT / "worker" / SCHEMA_FILE).read_text())


def test_the_documentation_is_what_the_code_says() -> None:
    """`make reference` writes it."""
    stale = [path.name for path, text in REFERENCE["rendered"]().items() if path.read_text() != text]
    assert stale == []


def test_every_key_has_a_meaning() -> None:
    text = (ROOT / "worker" / "CONFIGURATION.md").read_text().partition("## Every key")[2]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        'ai = {binding = "AI", remote = true}\n[vectorize]\n',
        '"$schema" = "x"\nwhatever = 1\n[env.staging]\nvars = {A = 1}\nd1_databases = [{binding = "DB"}]\n',
        '[paddock.models."@cf/a/b"]\nengine = "http://one:8000"\n',
        '[paddock.models."@cf/a/b"]\nengine = ["http://one:8000"]\n[paddock.engine]\nkeep_alive = "5m"\n',
        "[paddock.engine]\nkeep_alive = 0\n",
        'routes = ["example.com/*", {pattern = "x.example.com", custom_domain = true}]\n',
    ],
)
def test_the_schema_takes_what_is_right(text: str) -> None:
    jsonschema.validate(tomllib.loads(text), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "[paddock]\nstand_in = false\n",
        '[paddock.engine]\nkind = "fake"\n',
        '[paddock.models."@cf/a/b"]\nx = 1\n',
        "[ai]\n",
        "kv_namespaces = [{id = 'x'}]\n",
        "[env.staging]\nai = 'AI'\n",
        "[dev]\nport = 70000\n",
    ],
)
def test_the_schema_refuses_what_reading_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), SCHEMA)


def test_the_demo_fits_the_schema() -> None:
    tables = read_config(ROOT / "wrangler-like.toml").tables
    jsonschema.validate(msgspec.to_builtins(tables), SCHEMA)
