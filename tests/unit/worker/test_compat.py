"""Compatibility date and flags: a date turns on what was the default on that day (PW 4.4)."""

from __future__ import annotations

import datetime

import pytest

from paddock.worker.compat import FLAGS, Flag, enabled_flags, flag_problems

BEFORE_ALL = datetime.date(2024, 1, 1)
AFTER_ALL = datetime.date(2026, 9, 15)


@pytest.mark.parametrize("row", [row for row in FLAGS if row.since], ids=lambda row: row.enable)
def test_flag_is_on_from_its_date(row: Flag) -> None:
    assert row.since is not None
    day_before = row.since - datetime.timedelta(days=1)
    assert row.enable in enabled_flags(row.since, [])
    assert row.enable not in enabled_flags(day_before, [])


@pytest.mark.parametrize("row", FLAGS, ids=lambda row: row.enable)
def test_flag_can_be_named_before_its_date(row: Flag) -> None:
    assert enabled_flags(BEFORE_ALL, [row.enable]) == {row.enable}


@pytest.mark.parametrize("row", [row for row in FLAGS if row.disable], ids=lambda row: row.enable)
def test_flag_can_be_switched_off(row: Flag) -> None:
    assert row.enable not in enabled_flags(AFTER_ALL, [str(row.disable)])


def test_python_workers_never_comes_by_date() -> None:
    assert "python_workers" not in enabled_flags(AFTER_ALL, [])


def test_second_name_means_the_same_flag() -> None:
    assert enabled_flags(BEFORE_ALL, ["python_workers_314"]) == {"python_workers_20260610"}
    assert "python_workers_20260610" not in enabled_flags(AFTER_ALL, ["no_python_workers_314"])


def test_node_comes_in_its_second_version() -> None:
    flags = ["nodejs_compat"]
    assert "nodejs_compat_v2" not in enabled_flags(datetime.date(2024, 9, 22), flags)
    assert "nodejs_compat_v2" in enabled_flags(datetime.date(2024, 9, 23), flags)
    assert "nodejs_compat_v2" not in enabled_flags(AFTER_ALL, [*flags, "no_nodejs_compat_v2"])


def test_unknown_flag_is_a_problem_with_a_suggestion() -> None:
    (problem,) = flag_problems(["python_worker"])
    assert problem.startswith('The compatibility flag "python_worker" is unknown to Paddock and has no effect')
    assert problem.endswith('(did you mean "python_workers"?).')


def test_known_flags_are_no_problem() -> None:
    assert flag_problems(row.enable for row in FLAGS) == []


def test_flag_both_on_and_off_is_a_problem() -> None:
    problems = flag_problems(["python_workflows", "disable_python_workflows"])
    assert len(problems) == 1
    assert "contradict" in problems[0]


def test_names_are_unique() -> None:
    names = [name for row in FLAGS for name in (row.enable, row.disable) if name]
    assert len(names) == len(set(names))
