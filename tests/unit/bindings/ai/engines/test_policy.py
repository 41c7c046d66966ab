import pytest

from paddock.bindings.ai.engines.policy import FOREVER, parse_keep_alive


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0, 0), (90, 90), (1.5, 1.5), ("300", 300), ("5m", 300), ("1h30m", 5400), ("500ms", 0.5), (" 2s ", 2)],
)
def test_durations_are_read_as_ollama_writes_them(value: float | str, seconds: float) -> None:
    """DT-101"""
    assert parse_keep_alive(value) == seconds


@pytest.mark.parametrize("value", [-1, -0.5, "-1", "-5m"])
def test_below_zero_is_for_ever(value: float | str) -> None:
    """DT-101"""
    assert parse_keep_alive(value) == FOREVER


@pytest.mark.parametrize("value", [10**400, 1e300, "1e300", "9" * 400])
def test_the_longest_stay_is_one_that_a_timer_takes(value: float | str) -> None:
    assert parse_keep_alive(value) == 1e9


@pytest.mark.parametrize("value", ["", "soon", "5 minutes", "5d", "m", float("nan"), "nan"])
def test_what_is_no_duration_is_refused(value: float | str) -> None:
    with pytest.raises(ValueError, match="expected seconds, or a duration such as 5m"):
        parse_keep_alive(value)
