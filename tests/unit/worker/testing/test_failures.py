"""Errors of production's, by number."""

import pytest

from paddock.bindings.errors import (
    EngineError,
    EngineOverloaded,
    FinetuneIncomplete,
    FirstTokenTimeout,
    JsonModeStreamed,
    JsonModeUnmet,
    LoraUnsupported,
    ModelNotFound,
    PaddockError,
    RunTimeout,
)
from paddock.worker.testing.failures import CODES, error_for

OURS: list[PaddockError] = [
    EngineOverloaded(), FinetuneIncomplete(), FirstTokenTimeout(), JsonModeStreamed(), JsonModeUnmet(), RunTimeout(),
    LoraUnsupported("@cf/a/b"), ModelNotFound("@cf/a/b"),
]  # fmt: skip


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.code)
def test_numbers_that_paddock_raises_itself_are_the_same(error: PaddockError) -> None:
    """WA-132"""
    made = error_for(error.internal_code, model="@cf/a/b")
    assert type(made) is type(error)
    assert (made.message, made.status, made.label) == (error.message, error.status, error.label)


@pytest.mark.parametrize("code", [code for code, known in CODES.items() if known.text])
def test_every_number_with_words_makes_an_error(code: int) -> None:
    error = error_for(code, model="@cf/a/b")
    assert (error.internal_code, error.status) == (code, CODES[code].status)
    assert "{" not in error.message


@pytest.mark.parametrize("code", [4711, *(code for code, known in CODES.items() if not known.text)])
def test_a_number_without_words_needs_a_message(code: int) -> None:
    with pytest.raises(ValueError, match=f"{code}: expected a message"):
        error_for(code)
    assert error_for(code, "Because.").message == "Because."


def test_a_message_and_a_status_of_the_tests_own() -> None:
    error = error_for(3040, "Come back on Monday", status=503)
    assert (error.internal_code, error.status, error.message, error.label) == (
        3040, 503, "Come back on Monday", EngineOverloaded.label,
    )  # fmt: skip


def test_classes_are_left_as_they_are() -> None:
    error_for(3040, "x", status=599)
    assert (EngineOverloaded.status, EngineError.internal_code, PaddockError.status) == (429, 1000, 500)
