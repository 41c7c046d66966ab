"""What the dev server says when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.worker.greeting import exposure_warning

if TYPE_CHECKING:
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
