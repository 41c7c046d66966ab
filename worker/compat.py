"""Compatibility date and flags of a worker, as production reads them: a date turns on what was current on that day.

To add a flag: one row in FLAGS with its enable name, its disable name, the date from which it is on by itself, and what
it changes. Rows without a date are only on when they are named. Source: workerd's compatibility table and the
developer docs' list of compatibility flags, read 2026-11-20.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.config.diagnostics import closest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FLAGS", "Flag", "enabled_flags", "flag_problems"]


class Flag(NamedTuple):
    """One row: `enable` is also the name under which a handler finds the flag in `_cloudflare_compat_flags`."""

    enable: str
    disable: str | None
    since: datetime.date | None
    note: str


_DAY = datetime.date

FLAGS: Final = (
    Flag("python_workers", None, None, "a .py entry point may run at all"),
    Flag("nodejs_compat", "no_nodejs_compat", None, "Node.js: here js.process, and nothing else"),
    Flag("nodejs_compat_v2", "no_nodejs_compat_v2", None, "names of Node.js are global; nodejs_compat brings it along"),
    Flag(
        "assets_navigation_prefers_asset_serving",
        "assets_navigation_has_no_effect",
        _DAY(2025, 4, 1),
        "a browser's navigation that no asset answers gets what not_found_handling says; the worker answered before",
    ),
    Flag(
        "python_workers_force_new_vendor_path",
        None,
        _DAY(2025, 8, 11),
        "packages come from python_modules/ only; vendor/ was searched before",
    ),
    Flag(
        "python_no_global_handlers",
        "disable_python_no_global_handlers",
        _DAY(2025, 8, 14),
        "entrypoints are classes; module-level on_fetch functions were called before",
    ),
    Flag("service_binding_extra_handlers", None, None, "events can be delivered over a service binding"),
    Flag("python_workflows", "disable_python_workflows", _DAY(2025, 9, 20), "workflow entrypoints"),
    Flag(
        "python_workers_20250116",
        "no_python_workers_20250116",
        _DAY(2025, 9, 29),
        "Python 3.13, where JavaScript's null is jsnull; it was 3.12 and None before",
    ),
    Flag(
        "python_dedicated_snapshot",
        "disable_python_dedicated_snapshot",
        _DAY(2025, 10, 16),
        "a start-up snapshot for each worker: the top level runs at deployment",
    ),
    Flag("enable_ctx_exports", "disable_ctx_exports", _DAY(2025, 11, 17), "ctx.exports exists"),
    Flag(
        "python_check_rng_state",
        "disable_python_check_rng_state",
        _DAY(2025, 12, 16),
        "deployment fails when the top level used the random generator",
    ),
    Flag(
        "python_request_headers_preserve_commas",
        "disable_python_request_headers_preserve_commas",
        _DAY(2026, 2, 17),
        "a header value keeps its commas; it was cut into several before",
    ),
    Flag(
        "python_workflows_implicit_dependencies",
        "no_python_workflows_implicit_dependencies",
        _DAY(2026, 2, 25),
        "workflow steps depend on the steps that their parameters are named after",
    ),
    Flag(
        "websocket_close_reason_byte_limit",
        "no_websocket_close_reason_byte_limit",
        _DAY(2026, 3, 3),
        "the reason of a WebSocket's close() has at most 123 bytes",
    ),
    Flag(
        "websocket_standard_binary_type",
        "no_websocket_standard_binary_type",
        _DAY(2026, 3, 17),
        "binary WebSocket messages are Blobs unless binaryType says otherwise; they were ArrayBuffers before",
    ),
    Flag(
        "web_socket_auto_reply_to_close",
        "web_socket_manual_reply_to_close",
        _DAY(2026, 4, 7),
        "the runtime answers a WebSocket's Close frame; the handler had to before",
    ),
    Flag(
        "enable_python_external_sdk",
        "disable_python_external_sdk",
        _DAY(2026, 4, 21),
        "the `workers` package comes with the project; it was built in before",
    ),
    Flag(
        "python_process_pth_files",
        "disable_python_process_pth_files",
        _DAY(2026, 5, 26),
        ".pth files in python_modules/ are processed",
    ),
    Flag(
        "python_workers_20260610",
        "no_python_workers_20260610",
        _DAY(2026, 9, 8),
        "Python 3.14, where to_js(dict) gives an Object; it was 3.13 and a Map before",
    ),
)

#: From here on `nodejs_compat` means its second version.
_NODE_V2_SINCE: Final = _DAY(2024, 9, 23)
#: A second name that production takes for the same flag.
_ALIASES: Final = {
    "python_workers_314": "python_workers_20260610",
    "no_python_workers_314": "no_python_workers_20260610",
}


def enabled_flags(date: datetime.date, flags: Iterable[str]) -> frozenset[str]:
    """The flags that are on for a worker of this date: those that became the default, plus and minus the named ones."""
    named = {_ALIASES.get(flag, flag) for flag in flags}
    if "nodejs_compat" in named and date >= _NODE_V2_SINCE and "no_nodejs_compat_v2" not in named:
        named.add("nodejs_compat_v2")
    return frozenset(
        row.enable
        for row in FLAGS
        if row.enable in named or (row.since is not None and row.since <= date and row.disable not in named)
    )


def flag_problems(flags: Iterable[str]) -> list[str]:
    """One text for each flag that nobody here knows, and for each that is both turned on and off."""
    known = {name for row in FLAGS for name in (row.enable, row.disable) if name} | _ALIASES.keys()
    named = list(flags)
    problems = [
        f'The compatibility flag "{flag}" is unknown to Paddock and has no effect{closest(flag, known)}.'
        for flag in named
        if flag not in known
    ]
    both = [row for row in FLAGS if row.enable in named and row.disable in named]
    return problems + [
        f'The compatibility flags "{row.enable}" and "{row.disable}" contradict each other.' for row in both
    ]
