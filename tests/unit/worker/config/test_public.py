"""Configurations of public projects are read without a false complaint.

The three have the keys, the nesting and the length of three that are published, with names and values of our own:
a template of Cloudflare's Python examples (`09-workers-ai`), a fixture of workers-sdk (`worker-app`), and an app of
Cloudflare's MCP servers (`workers-observability`). Theirs have been read themselves, on 2026-11-26, with every other
configuration of those repositories, of `templates` and of `agents`: 98 files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from paddock.worker.config.files import read_config
from paddock.worker.config.loading import load_config
from paddock.worker.config.schema import SCHEMA_FILE

if TYPE_CHECKING:
    from .conftest import Project

SCHEMA = json.loads((Path(__file__).parents[4] / "worker" / SCHEMA_FILE).read_text())

SMALL = (
    "wrangler.jsonc",
    """{
  "$schema": "node_modules/wrangler/config-schema.json",
  "name": "small",
  "main": "src/entry.py",
  "compatibility_date": "2025-11-02",
  "compatibility_flags": ["python_workers"],
  "ai": {"binding": "AI"},
  "observability": {"enabled": true}
}""",
)
MEDIUM = (
    "wrangler.toml",
    """
name = "medium"
compatibility_date = 2024-05-06
compatibility_flags = ["python_workers"]
account_id = "0"
workers_dev = true
main = "src/entry.py"
routes = [
  { pattern = "a.example.com/*", zone_name = "example.com" },
  { pattern = "b.example.com", custom_domain = true },
]

[[rules]]
type = "Data"
globs = ["**/*.bin"]
fallthrough = true

[vars]
TEXT = "x"
LIST = [1, "two"]

[triggers]
crons = ["1 * * * *"]

[site]
bucket = "./public"
""",
)
LARGE = (
    "wrangler.json",
    """
// A server with two deployments besides the one for development.
{
    "$schema": "node_modules/wrangler/config-schema.json",
    "name": "large-dev", "main": "src/entry.py",
    "compatibility_date": "2025-03-10", "compatibility_flags": ["python_workers"],
    "migrations": [{"new_sqlite_classes": ["User", "Agent"], "tag": "v1"}, {"deleted_classes": ["User"], "tag": "v2"}],
    "durable_objects": {"bindings": [{"class_name": "Agent", "name": "AGENT"}]},
    "observability": {"enabled": true, "traces": {"enabled": true, "head_sampling_rate": 0.1}},
    "kv_namespaces": [{"binding": "OAUTH", "id": "DEV"}],
    "ai": {"binding": "AI"},
    "vectorize": [{"binding": "INDEX", "index_name": "docs"}],
    "queues": {"producers": [{"binding": "JOBS", "queue": "jobs"}], "consumers": [{"queue": "jobs", "type": "worker"}]},
    "vars": {"ENVIRONMENT": "development", "CLIENT_ID": ""},
    "dev": {"port": 8976},
    "workers_dev": false, "preview_urls": false,
    "analytics_engine_datasets": [{"binding": "METRICS", "dataset": "metrics-dev"}],
    "services": [{"binding": "USERS", "service": "users", "entrypoint": "Admin", "remote": true}],
    "env": {
        "staging": {
            "name": "large-staging", "account_id": "0",
            "routes": [{"pattern": "staging.example.com", "custom_domain": true}],
            "kv_namespaces": [{"binding": "OAUTH", "id": "1"}],
            "durable_objects": {"bindings": [{"class_name": "Agent", "name": "AGENT"}]},
            "vars": {"ENVIRONMENT": "staging", "HASH": "later"},
            "ai": {"binding": "AI", "remote": true},
            "vectorize": [{"binding": "INDEX", "index_name": "docs"}],
            "queues": {"producers": [{"binding": "JOBS", "queue": "jobs-staging", "delivery_delay": 5}]},
            "services": [], "tail_consumers": [{"service": "tail"}], "logpush": true,
            "analytics_engine_datasets": [{"binding": "METRICS", "dataset": "metrics-staging"}],
        },
        "production": {"vars": {"ENVIRONMENT": "production"}},
    },
}
""",
)
UNSUPPORTED = ["durable_objects", "vectorize"]


def written(folder: Path, file: tuple[str, str]) -> Path:
    (folder / "src").mkdir()
    (folder / "src" / "entry.py").touch()
    (folder / file[0]).write_text(file[1])
    return folder / file[0]


@pytest.mark.parametrize(
    ("file", "env", "warnings"),
    [
        (SMALL, None, []),
        (MEDIUM, None, ["ignored by Paddock: site"]),
        (LARGE, None, [f"ignored by Paddock: {name}" for name in UNSUPPORTED]),
        (LARGE, "staging", [f"ignored by Paddock: env.staging.{name}" for name in UNSUPPORTED]),
    ],
)
def test_nothing_is_said_that_is_not_so(
    project: Project, tmp_path: Path, file: tuple[str, str], env: str | None, warnings: list[str]
) -> None:
    """DT-057, DT-067."""
    path = written(tmp_path, file)
    config = load_config(path, env, today=project.today)
    assert list(config.warnings) == warnings
    jsonschema.validate(read_config(path).tables, SCHEMA)


def test_an_environment_that_repeats_nothing_is_told_of_every_binding(project: Project, tmp_path: Path) -> None:
    """DT-060."""
    config = load_config(written(tmp_path, LARGE), "production", today=project.today)
    named = {warning.split('"')[1] for warning in config.warnings}
    assert named == {
        "ai",
        "analytics_engine_datasets",
        "durable_objects",
        "kv_namespaces",
        "queues",
        "services",
        "vectorize",
    }
    assert (config.name, config.vars, config.ai) == ("large-dev-production", {"ENVIRONMENT": "production"}, None)
