"""Lays a worker out as a project that `paddock dev` can serve. Nothing is written into the checkout."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from cases import Worker

from paddock.bindings.state import StateFolder

__all__ = ["DRIVER", "lay_out"]

DRIVER = "paddock_peer.py"
#: What projects without migrations call the file that their README has `wrangler d1 execute --file` run.
_SCHEMAS = ("schema.sql", "db_init.sql")
_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "peers"


def lay_out(worker: Worker, folder: Path, *, is_driven: bool) -> Path:
    """Write the project into an empty folder and return its configuration. `is_driven` puts the driver before it."""
    for name, source in worker.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    _vendor(worker, folder / "python_modules")
    _fill_databases(worker.config, folder)
    config = worker.config | {"paddock": {"engine": {"kind": "off"}}}
    if "AI" in json.dumps(worker.config.get("ai", "")):
        del config["paddock"]["engine"]
    if is_driven:
        main = Path(worker.main)
        head = f"MAIN = {main.stem!r}\nROOT = {str(folder)!r}\nOTHERS = {worker.others!r}\n"
        config["main"] = str(main.with_name(DRIVER))
        (folder / config["main"]).write_text(head + Path(__file__).with_name("driver.py").read_text())
    file = folder / "wrangler-like.toml"
    file.write_text("".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in config.items()))
    return file


def _vendor(worker: Worker, target: Path) -> None:
    """`python_modules` as pywrangler would fill it: the project's dependencies, and the SDK where one was chosen."""
    installed = _installed(worker.requirements) if worker.requirements else None
    for source in filter(None, (installed, worker.sdk)):
        target.mkdir(exist_ok=True)
        for entry in source.iterdir():
            link = target / entry.name
            if not link.exists():
                link.symlink_to(entry)


def _fill_databases(config: dict[str, Any], folder: Path) -> None:
    """What `wrangler d1 migrations apply --local` would do, and `wrangler d1 execute` where there are none."""
    state = StateFolder(folder / ".paddock" / "state")
    for entry in config.get("d1_databases", []):
        name = entry.get("preview_database_id") or entry.get("database_id") or entry["binding"]
        migrations = sorted((folder / entry.get("migrations_dir", "migrations")).glob("*.sql"))
        scripts = migrations or [folder / schema for schema in _SCHEMAS if (folder / schema).is_file()]
        with closing(sqlite3.connect(state.file("d1", state.file_name(name, ".sqlite")))) as database:
            for script in scripts:
                try:
                    database.executescript(script.read_text())
                except sqlite3.Error as error:
                    print(f"  {script.name}: {error}; wrangler stops there, too", flush=True)
                    break


def _installed(requirements: list[str]) -> Path:
    """A folder with these packages, native for this machine, from the package registry or from an earlier run."""
    digest = hashlib.sha256("\n".join([sys.version, *sorted(requirements)]).encode()).hexdigest()[:16]
    folder = _CACHE / digest
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]
        subprocess.run([*pip, str(folder), *requirements], check=True)
        (folder / ".complete").touch()
    return folder


def _toml(value: Any) -> str:
    """A value on one line, with inline tables; what TOML has no word for is left out."""
    match value:
        case dict():
            members = (f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items() if v is not None)
            return "{" + ", ".join(members) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
