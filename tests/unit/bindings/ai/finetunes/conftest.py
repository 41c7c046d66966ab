"""A service with the shipped catalog and finetunes in an empty state folder."""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.doors import rest
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.binding import FetchRequest
from paddock.bindings.state import StateFolder

AI = "http://localhost:8787/client/v4/accounts/acc/ai"
BOUNDARY = "----paddock"


class Account(NamedTuple):
    """The REST API, asked in turn. Answers are (status, body)."""

    service: AiService
    engine: ScriptedEngine
    state: Path

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> tuple[int, Any]:
        request = FetchRequest(method, AI + path, (("content-type", content_type),), body)
        response = asyncio.run(rest.answer(self.service, request, 1_000_000))
        assert isinstance(response.body, bytes)
        return response.status, json.loads(response.body)

    def create(self, model: str, name: str, **more: object) -> tuple[int, Any]:
        return self.ask("POST", "/finetunes", json.dumps({"model": model, "name": name, **more}).encode())

    def upload(self, finetune: str, file_name: str, content: bytes, filename: str | None = "blob") -> tuple[int, Any]:
        file = "" if filename is None else f'; filename="{filename}"'
        body = (
            f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"{file}\r\n'
            "content-type: application/octet-stream\r\n\r\n"
        ).encode() + content
        body += (
            f'\r\n--{BOUNDARY}\r\ncontent-disposition: form-data; name="file_name"\r\n\r\n{file_name}'
            f"\r\n--{BOUNDARY}--\r\n"
        ).encode()
        path = f"/finetunes/{finetune}/finetune-assets/"
        return self.ask("POST", path, body, f"multipart/form-data; boundary={BOUNDARY}")

    def files(self) -> list[str]:
        return sorted(path.name for path in self.state.rglob("*") if path.is_file() and "sqlite" not in path.name)


@pytest.fixture
def account(catalog: Catalog, tmp_path: Path) -> Account:
    engine = ScriptedEngine(["hello"] * 9)
    pool = EnginePool(find_weights, lambda card, weights: engine)
    return Account(AiService(catalog, pool, state=StateFolder(tmp_path / "state")), engine, tmp_path / "state")
