"""A folder of assets, and questions to its binding."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from paddock.bindings.assets.binding import AssetsBinding
from paddock.bindings.assets.settings import AssetsSettings
from paddock.bindings.binding import FetchRequest, FetchResponse

ORIGIN = "https://site.test"


class Site:
    """Files, and the settings that they are served with."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        """Files by path; `__` stands for a slash, `_dot_` for a dot."""
        for name, text in files.items():
            self.put(name.replace("__", "/").replace("_dot_", "."), text)

    def put(self, name: str, text: str | bytes) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def binding(self, **settings: object) -> AssetsBinding:
        return AssetsBinding(AssetsSettings(directory=str(self.root), **settings))  # type: ignore[arg-type]  # a test's

    def fetch(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        redirect: str = "manual",
        **settings: object,
    ) -> FetchResponse:
        """The binding's answer."""
        request = FetchRequest(method, ORIGIN + path, tuple((headers or {}).items()), redirect=redirect)
        return asyncio.run(self.binding(**settings).fetch(request))

    def route(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **settings: object
    ) -> int | None:
        """The status with which assets answer a client; None for the worker."""
        request = FetchRequest(method, ORIGIN + path, tuple((headers or {}).items()))
        response = asyncio.run(self.binding(**settings).route(request))
        return response and response.status


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "public")


@pytest.fixture
def header() -> Callable[[FetchResponse, str], str | None]:
    def find(response: FetchResponse, name: str) -> str | None:
        return dict(response.headers).get(name)

    return find
