"""Errors of production's, by number."""

import pytest

from paddock.bindings.errors import EngineError, EngineOverloaded, PaddockError
from paddock.worker.testing.replies import error_for


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        (3040, 429, "Capacity temporarily exceeded, please try again."),
        (3007, 408, "Request timeout"),
        (5024, 400, "JSON Model couldn't be met"),
        (4711, 500, "Error 4711"),
    ],
)
def test_numbers_have_productions_status_and_words(code: int, status: int, text: str) -> None:
    error = error_for(code)
    assert (error.internal_code, error.status) == (code, status)
    assert text in str(error) or isinstance(error, EngineError)


def test_a_message_and_a_status_of_the_tests_own() -> None:
    error = error_for(3040, "Come back on Monday", status=503)
    assert (error.internal_code, error.status, error.message, error.label) == (
        3040, 503, "Come back on Monday", EngineOverloaded.label,
    )  # fmt: skip


def test_classes_are_left_as_they_are() -> None:
    error_for(3040, "x", status=599)
    assert (EngineOverloaded.status, EngineError.internal_code, PaddockError.status) == (429, 1000, 500)
