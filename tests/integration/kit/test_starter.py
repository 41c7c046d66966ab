"""A project fresh from `paddock init` passes its tests with nothing installed but the wheel and its extra `test`.

The environment is empty but for what the requirements name, taken from the one that runs this, so no network is needed.
"""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def required(name: str, extras: frozenset[str], found: dict[str, metadata.Distribution]) -> None:
    """Collect what a distribution needs, and what that needs."""
    for text in metadata.distribution(name).requires or ():
        requirement = Requirement(text)
        wanted = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if requirement.marker is not None and not any(requirement.marker.evaluate(extra) for extra in wanted):
            continue
        key = canonicalize_name(requirement.name)
        if key not in found:
            found[key] = metadata.distribution(key)
            required(key, frozenset(requirement.extras), found)


def link(distribution: metadata.Distribution, site: Path) -> None:
    """Make a distribution importable there."""
    for name in {Path(str(file)).parts[0] for file in distribution.files or ()}:
        source = Path(str(distribution.locate_file(name)))
        if name not in ("..", "__pycache__") and source.exists() and not (site / name).exists():
            (site / name).symlink_to(source)


@pytest.fixture(scope="module")
def python(wheel_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of such an environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    zipfile.ZipFile(wheel_file).extractall(site)
    found: dict[str, metadata.Distribution] = {}
    required("paddock", frozenset({"test"}), found)
    assert "vllm" not in found
    for distribution in found.values():
        link(distribution, site)
    return folder / "bin" / "python"


@pytest.mark.timeout(300)  # it builds a wheel
@pytest.mark.parametrize("template", ["hello-ai"])
def test_a_starter_project_passes(python: Path, tmp_path: Path, template: str) -> None:
    """DT-055, DT-129"""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def run(*command: str, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            [python, "-P", "-m", *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("paddock.worker.cli", "init", "starter", "--template", template, "-y")
    told = run("pytest", "-q", cwd=tmp_path / "starter")
    assert " passed" in told
    unwanted = "vllm", "torch", "transformers"
    programs = ";".join(f"assert importlib.util.find_spec({name!r}) is None" for name in unwanted)
    subprocess.run([python, "-c", f"import importlib.util;{programs}"], check=True, env=environment)
