"""A configuration as the parts that it describes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai import listing
from paddock.bindings.errors import EngineUnavailable
from paddock.worker.assembly import host_plan, make_service
from paddock.worker.greeting import models_table

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
