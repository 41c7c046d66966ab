"""The generations of the runtime that suites are run for, as their own authors choose them.

Source: workers-py, the table of compatibility settings of its test suite; workerd, the test flags of its build.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RUNTIMES", "Runtime"]


class Runtime(NamedTuple):
    """One generation. `date` and `extra_flags` are for the SDK's suites, `feature_flags` for workerd's."""

    date: str
    extra_flags: list[str]
    feature_flags: list[str]


_SDK = ["enable_python_external_sdk", "python_process_pth_files", "python_request_headers_preserve_commas"]

RUNTIMES = {
    "3.12": Runtime("2025-09-01", _SDK, ["python_workers"]),
    "3.13": Runtime("2026-01-01", _SDK, ["python_workers", "python_workers_20250116"]),
    "3.14": Runtime("2026-07-01", ["python_workers_20260610"], ["python_workers", "python_workers_20260610"]),
}
