"""What the dev server says when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.worker.assembly import make_service
from paddock.worker.greeting import exposure_warning, models_in_use, models_table

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "::1"]])
def test_a_server_for_this_machine_needs_no_token(project: Project, addresses: list[str]) -> None:
    assert exposure_warning(project.load(), addresses) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.2", "fe80::1%eth0"])
def test_a_server_for_others_without_a_token_is_warned_about(project: Project, address: str) -> None:
    """WA-117"""
    warning = exposure_warning(project.load(), [address])
    assert warning is not None
    assert address in warning and "api_token" in warning


def test_a_token_ends_the_warning(project: Project) -> None:
    assert exposure_warning(project.load('[paddock]\napi_token = "let-me-in"\n'), ["0.0.0.0"]) is None


def test_the_models_of_a_worker_are_those_that_it_and_its_configuration_name(project: Project, tmp_path: Path) -> None:
    config = project.load('[paddock.models."@cf/microsoft/phi-2"]\npinned = false\n')
    (tmp_path / "handler.py").write_text('A = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"  # not @cf/nobody/nothing\n')
    used = models_in_use(config, ["@cf/baai/bge-m3"])
    assert used == {
        "@cf/microsoft/phi-2",
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "@cf/nobody/nothing",
        "@cf/baai/bge-m3",
    }
    head, *models, note, others = models_table(make_service(config, None), used).splitlines()
    assert head.split() == ["Model", "Task", "State", "Weights"]
    assert [line.split()[0] for line in models] == sorted(used - {"@cf/nobody/nothing"})
    assert note.startswith("A stand-in is ") and others.endswith(
        " other models in the catalog: `paddock ai models list`."
    )


def test_a_worker_without_models_hears_how_many_there_are(project: Project) -> None:
    service = make_service(project.load(), None)
    assert models_table(service, set()) == f"{len(service.catalog)} models in the catalog: `paddock ai models list`."
    assert len(models_table(service).splitlines()) == 1 + len(service.catalog) + 1
