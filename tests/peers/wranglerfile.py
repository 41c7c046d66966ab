"""Projects with a wrangler configuration, which is translated to `wrangler-like.toml`: JSONC loses its comments."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

from cases import Case, Worker
from runtimes import Runtime

__all__ = ["WRANGLER_FILES", "from_wrangler", "requirements"]

WRANGLER_FILES = ("wrangler.jsonc", "wrangler.json", "wrangler.toml")
_NOT_INSTALLED = re.compile(r"workers-runtime-sdk|workers-py|webtypy")
#: Projects that name no release, and were written for one that has gone on since.
_RELEASES = {"mcp": "mcp<2"}
_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMAS = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


def from_wrangler(checkout: Path, path: Path, runtime: Runtime) -> Case | None:
    text = path.read_text().replace("%COMPAT_DATE", runtime.date)
    config = tomllib.loads(text) if path.suffix == ".toml" else json.loads(_plain_json(text))
    if not str(config.get("main", "")).endswith(".py"):
        return None
    if runtime.date in text:
        config["compatibility_flags"] = [*config["compatibility_flags"], *runtime.extra_flags]
    skipped = {"node_modules", "python_modules", ".venv", ".git"}
    inside = (file for file in path.parent.rglob("*") if file.is_file() and not skipped & set(file.parts))
    files = {str(file.relative_to(path.parent)): file for file in inside if file.name not in WRANGLER_FILES}
    has_suites = "/run-tests/" in (path.parent / config["main"]).read_text()
    label = str(path.parent.relative_to(checkout)) if path.parent != checkout else checkout.name
    worker = Worker(files, config, requirements(path.parent))
    return Case(label, "suites" if has_suites else "http", worker)


def _plain_json(text: str) -> str:
    text = _COMMENTS.sub(lambda match: match[1] or "", text)
    return _TRAILING_COMMAS.sub(lambda match: match[1] or "", text)


def requirements(folder: Path) -> list[str]:
    """What the project asks for: pyproject.toml, or the files that older projects have."""
    found: list[str] = []
    if (file := folder / "pyproject.toml").is_file():
        found = tomllib.loads(file.read_text()).get("project", {}).get("dependencies", [])
    elif (file := folder / "requirements.txt").is_file():
        found = [line.strip() for line in file.read_text().splitlines() if line.strip() and line[0] != "#"]
    found = [_RELEASES.get(name, name) for name in found]
    return [name for name in found if not _NOT_INSTALLED.match(name) and name not in sys.stdlib_module_names]
