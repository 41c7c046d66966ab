"""The growth curve as an SVG, written by hand: no plotting library is needed for two lines.

plot.py GROWTH.jsonl [> growth.svg]
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["draw"]

_WIDTH: Final = 640
_HEIGHT: Final = 240
_LEFT: Final = 70
_RIGHT: Final = 20
_TOP: Final = 34
_BOTTOM: Final = 42
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#555}.title{font-weight:600}.axis{stroke:#999}"
    ".grid{stroke:#9994;stroke-dasharray:2 3}.line{fill:none;stroke:#2b6cb0;stroke-width:2}.dot{fill:#2b6cb0}"
    ".range{stroke:#2b6cb088}.target{stroke:#c05621;stroke-dasharray:6 3}"
)


def draw(results: Sequence[dict[str, Any]]) -> str:
    """Three panels over the number of open streams: tokens per second, kB per stream, delay of the event loop."""
    grown = [result for result in results if result.get("what") == "growth" and "error" not in result]
    panels = (
        ("tokens per second", "tokens_per_s", None),
        ("server memory per open stream, kB (wanted: 40 at most, at 1,000)", "kb_per_stream", 40.0),
        ("latest tick of the event loop, ms (wanted: 30 at most, at 128)", "tick_late_ms", 30.0),
    )
    height = _HEIGHT * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"><style>{_STYLE}</style>']
    for number, (title, name, target) in enumerate(panels):
        rounds: dict[int, list[float]] = {}
        for result in grown:
            rounds.setdefault(result["streams"], []).append(result[name])
        parts.append(f'<g transform="translate(0 {number * _HEIGHT})">{_panel(title, rounds, target)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(title: str, rounds: dict[int, list[float]], target: float | None) -> str:
    """Medians as a line, the range of the rounds as a bar at each point, the target as a dashed line."""
    streams = sorted(rounds)
    highest = max((max(values) for values in rounds.values()), default=1.0)
    top = _round_up(max(highest, target or 0.0))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x(count: float) -> float:
        return _LEFT + (right - _LEFT) * count / max(streams, default=1)

    def y(value: float) -> float:
        return bottom - (bottom - _TOP) * value / top

    parts = [f'<text class="title" x="{_LEFT}" y="18">{title}</text>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        level = y(share * top)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{level:.1f}" y2="{level:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{share * top:,.0f}</text>')
    for count in streams:
        parts.append(f'<text x="{x(count):.1f}" y="{bottom + 18}" text-anchor="middle">{count}</text>')
    parts.append(f'<text x="{right}" y="{bottom + 34}" text-anchor="end">open streams</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    if target is not None:
        parts.append(f'<line class="target" x1="{_LEFT}" x2="{right}" y1="{y(target):.1f}" y2="{y(target):.1f}"/>')
    parts += _curve(rounds, x, y)
    return "".join(parts)


def _curve(rounds: dict[int, list[float]], x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    middles = {count: statistics.median(values) for count, values in sorted(rounds.items())}
    points = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in middles.items())
    parts = [f'<polyline class="line" points="{points}"/>']
    for count, value in middles.items():
        low, high = y(min(rounds[count])), y(max(rounds[count]))
        parts.append(f'<line class="range" x1="{x(count):.1f}" x2="{x(count):.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
        parts.append(f'<circle class="dot" cx="{x(count):.1f}" cy="{y(value):.1f}" r="3"/>')
    return parts


def _round_up(value: float) -> float:
    """A round number that is not below this one."""
    size = 10.0 ** (len(str(int(value))) - 1)
    return next(step * size for step in (1, 2, 4, 6, 8, 10) if step * size >= value)


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines()
    sys.stdout.write(draw([json.loads(line) for line in lines]))
