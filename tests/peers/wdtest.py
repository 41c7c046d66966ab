"""workerd's `.wd-test` files: workers in Cap'n Proto's text format, translated to the keys of wrangler-like.toml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capnp import Embed, read_constants
from cases import Case, Worker
from runtimes import Runtime
from wranglerfile import requirements

__all__ = ["from_workerd"]

#: What workerd's build vendors for a test, which its configuration does not say.
_VENDORED = {
    "pytest": ["pytest", "pytest-asyncio<1.2.0"],
    "beautifulsoup4_vendor": ["beautifulsoup4"],
    "fastapi_vendor": ["fastapi"],
    "numpy_vendor": ["numpy"],
    "scipy_vendor": ["numpy", "scipy"],
    "shapely_vendor": ["shapely"],
}

#: Their handler `test` is empty: a JavaScript worker drives them.
_DRIVEN_BY_JAVASCRIPT = ("workflow-entrypoint",)


def from_workerd(name: str, path: Path, runtime: Runtime, sdk: Path | None) -> Iterator[Case]:
    if path.stem in _DRIVEN_BY_JAVASCRIPT:
        return
    text = path.read_text()
    values = {"%PYTHON_VENDORED_MODULES%": "", "%PYTHON_MODULES": "", "%COLOR": "false", "%COMPAT_DATE": runtime.date}
    values["%PYTHON_FEATURE_FLAGS"] = ", ".join(f'"{flag}"' for flag in runtime.feature_flags)
    is_sdk_suite = "%COMPAT_DATE" in text
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    config: Any = next(c for c in read_constants(text).values() if isinstance(c, dict) and "services" in c)
    workers = {s["name"]: w for s in config["services"] if (w := s.get("worker")) and _is_python(w)}
    made = {key: _worker(path, key, worker, runtime, is_sdk_suite=is_sdk_suite) for key, worker in workers.items()}
    for key, worker in made.items():
        worker.sdk = sdk
        _take_in(worker, made)
        if key == "internet" or (key.endswith("server") and len(made) > 1):
            continue
        label = name if len(made) == 1 or key.startswith("python") else f"{name} ({key})"
        yield Case(label, "test", worker, made.get("internet"))


def _take_in(worker: Worker, made: dict[str, Worker]) -> None:
    """Bind to this worker itself what is bound to another one: Paddock runs one worker, and the driver has the rest."""
    by_name = {other.config["name"]: other for other in made.values()}
    for service in worker.config["services"]:
        if service["service"] == worker.config["name"]:
            continue
        other = by_name.get(service["service"])
        if other is not None:
            worker.files = other.files | worker.files
            service["entrypoint"] = service.get("entrypoint", service["binding"].title())
            worker.others[service["entrypoint"]] = (Path(other.main).stem, "Default")
        elif (stand_in := Path(__file__).with_name("javascript.py")).is_file():
            worker.files["javascript.py"] = stand_in
            worker.others[service["entrypoint"]] = ("javascript", service["entrypoint"])
        service["service"] = worker.config["name"]


def _is_python(worker: dict[str, Any]) -> bool:
    return any("pythonModule" in module for module in worker["modules"])


def _worker(path: Path, name: str, worker: dict[str, Any], runtime: Runtime, *, is_sdk_suite: bool) -> Worker:
    files, bindings, services = {}, {}, []
    for module in worker["modules"]:
        content = next((v for v in module.values() if isinstance(v, Embed)), None)
        if content is not None and (file := _embedded(path, content.path)) is not None:
            files[module["name"]] = file
    tests = path.parent / "tests"
    files |= {str(file.relative_to(path.parent)): file for file in tests.rglob("*.py")} if is_sdk_suite else {}
    for binding in worker.get("bindings", []):
        if "text" in binding or "json" in binding:
            bindings[binding["name"]] = binding["text"] if "text" in binding else json.loads(binding["json"])
        elif (service := binding.get("service")) is not None:
            target = service if isinstance(service, dict) else {"name": service}
            entry = {"binding": binding["name"], "service": target["name"].lower().replace("_", "-")}
            services.append(entry | ({"entrypoint": target["entrypoint"]} if "entrypoint" in target else {}))
    flags = [*worker.get("compatibilityFlags", []), *(runtime.extra_flags if is_sdk_suite else [])]
    config: dict[str, Any] = {
        "name": name.lower().replace("_", "-"),
        "main": worker["modules"][0]["name"],
        "compatibility_date": worker.get("compatibilityDate", "2000-01-01"),
        "compatibility_flags": flags,
        "vars": bindings,
        "services": services,
    }
    return Worker(files, config, _VENDORED.get(path.stem, []) + requirements(path.parent))


def _embedded(path: Path, name: str) -> Path | None:
    """An embedded file; some are named from the folder above."""
    return next((file for base in (path.parent, path.parent.parent) if (file := base / name).is_file()), None)
