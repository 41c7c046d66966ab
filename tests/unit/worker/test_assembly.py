"""A configuration as the parts that it describes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai import listing
from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import EngineUnavailable
from paddock.worker.assembly import host_plan, make_assets, make_bindings, make_broker, make_service
from paddock.worker.greeting import bindings_table, models_table

if TYPE_CHECKING:
    from .conftest import Project

PHI = "@cf/microsoft/phi-2"


@pytest.fixture
def nowhere() -> Any:
    """An address where nobody listens, for as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_model_on_a_server_is_no_stand_in_and_says_where_it_is(project: Project, nowhere: str) -> None:
    config = project.load(f'[paddock.models."{PHI}"]\nengine = "{nowhere}"\n')
    service = make_service(config, None)
    (row,) = (line for line in models_table(service).splitlines() if line.startswith(PHI))
    assert row.endswith(f"remote {nowhere}")
    (item,) = listing.search(service, listing.ModelQuery(search=PHI))
    assert {"property_id": "paddock_weights", "value": "remote"} in item["properties"]  # type: ignore[operator]


def test_a_server_that_does_not_answer_is_an_error_with_its_address(project: Project, nowhere: str) -> None:
    """And never the stand-in, which is there as well."""
    config = project.load(f'[paddock.engine]\nkind = "remote"\nurls = ["{nowhere}"]\n')

    async def main() -> None:
        service = make_service(config, None)
        with pytest.raises(EngineUnavailable, match=nowhere):
            await service.run(PHI, {"prompt": "Hello"}, [])
        await service.engines.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("engine", "gpu", "mode"),
    [
        ("deterministic = true", True, {"VLLM_BATCH_INVARIANT": "1"}),
        ("deterministic = true", False, {}),
        ('deterministic = true\ndevice = "cpu"', True, {}),
        ("deterministic = false", True, {}),
    ],
)
def test_batch_invariant_mode_is_for_gpus(project: Project, engine: str, gpu: bool, mode: dict[str, str]) -> None:
    assert host_plan(project.load(f"[paddock.engine]\n{engine}\n"), gpu=gpu).environment == mode


STORAGE = """
ai = {binding = "AI"}
kv_namespaces = [{binding = "A", id = "shared"}, {binding = "B", id = "shared"}, {binding = "C"}]
[assets]
directory = "."
binding = "ASSETS"
[vars]
X = "x"
"""


def test_storage_is_made_as_it_is_configured(project: Project) -> None:
    config = project.load(STORAGE)

    async def main() -> tuple[dict[str, str], list[int], list[int]]:
        bindings = make_bindings(config, make_service(config, None), make_broker(config))
        await bindings.fetch("A", FetchRequest("PUT", "https://fake-host/k", (), b"value"))
        found = [await bindings.fetch(name, FetchRequest("GET", "https://fake-host/k")) for name in "ABC"]
        url = "https://assets.test/handler.py"
        files = [await bindings.fetch("ASSETS", FetchRequest("GET", url))]
        if assets := make_assets(config):
            files.append(await assets.fetch(FetchRequest("GET", url)))
        await bindings.close()
        return bindings.kinds(), [answer.status for answer in found], [answer.status for answer in files]

    kinds, found, files = asyncio.run(main())
    assert kinds == {"AI": "ai", "ASSETS": "assets", "A": "kv", "B": "kv", "C": "kv"}
    assert (found, files) == ([200, 200, 404], [200, 200])
    assert (config.state / "v1" / "kv" / "shared.sqlite").is_file()
    assert make_assets(project.load()) is None


def test_storage_stands_in_the_table_of_bindings(project: Project) -> None:
    rows = [line.split() for line in bindings_table(project.load(STORAGE)).splitlines()[2:]]
    assert [row[0] for row in rows] == ["env.AI", "env.ASSETS", "env.X", "env.A", "env.B", "env.C"]
    assert rows[3] == ["env.A", "(shared)", "KV", "Namespace", "local"]
