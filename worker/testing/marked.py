"""What markers, options of the command line and the ini file say about the worker and the models of a test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from paddock.worker.testing.ai import MODES, Ai, AiMode
from paddock.worker.testing.cassettes import RECORD_MODES, Cassette
from paddock.worker.testing.project import OPTIONS, Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ISOLATIONS", "ai_of", "cassette_of", "options_of", "project_of"]

#: What `paddock(isolation=...)` may be.
ISOLATIONS: Final = ("test", "module", "none")
_OF_TEST: Final = frozenset({"isolation", "allow_net"})
_OF_AI: Final = frozenset({"mode", "reply", "seed"})


def options_of(item: pytest.Item) -> dict[str, Any]:
    """What the markers `paddock` say, the nearest one last."""
    options: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("paddock"))):
        if marker.args:
            raise pytest.UsageError("@pytest.mark.paddock: expected names with values, such as env='staging'")
        options |= marker.kwargs
    if unknown := options.keys() - OPTIONS - _OF_TEST:
        known = ", ".join(sorted(OPTIONS | _OF_TEST))
        raise pytest.UsageError(f"@pytest.mark.paddock: expected {known}; got {', '.join(sorted(unknown))}")
    if options.setdefault("isolation", "test") not in ISOLATIONS:
        raise pytest.UsageError(f"paddock(isolation=...): expected one of {ISOLATIONS}; got {options['isolation']!r}")
    return options


def project_of(item: pytest.Item, options: Mapping[str, Any]) -> Project:
    """The worker that a test is about."""
    own = {name: value for name, value in options.items() if name in OPTIONS}
    own.setdefault("in_process", item.config.getoption("paddock_in_process"))
    if own.get("config") is None and own.get("source") is None:
        own["config"] = _configured(item.config)
    return Project.of(own, item.path.parent, start=item.path.parent)


def ai_of(item: pytest.Item) -> Ai:
    """How the models of a test answer; in the mode `replay`, its cassette is still to come."""
    config = item.config
    marked: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("ai"))):
        marked |= {"mode": marker.args[0]} if marker.args else {}
        marked |= marker.kwargs
    if unknown := marked.keys() - _OF_AI:
        known = ", ".join(sorted(_OF_AI))
        raise pytest.UsageError(f"@pytest.mark.ai: expected {known}; got {', '.join(sorted(unknown))}")
    option = config.getoption("paddock_ai") or config.getini("paddock_ai")
    if item.get_closest_marker("cassette") is not None or (not option and config.getoption("paddock_record")):
        option = "replay"
    seed = config.getoption("paddock_seed")
    made = Ai(
        _mode(marked.get("mode") or option or "fake"),
        marked.get("seed", int(config.getini("paddock_seed") or 0) if seed is None else seed),
        test=item.nodeid,
    )
    if "reply" in marked:
        replies = marked["reply"]
        made.reply(*(replies if isinstance(replies, list) else [replies]))
    return made


def cassette_of(item: pytest.Item, secrets: Mapping[str, str]) -> Cassette:
    """The cassette of a test, in which values of secrets are replaced."""
    marker = item.get_closest_marker("cassette")
    if marker is not None and len(marker.args) > 1:
        raise pytest.UsageError(f"@pytest.mark.cassette: expected one name; got {marker.args}")
    name = marker.args[0] if marker is not None and marker.args else f"{item.path.stem}/{item.name}"
    mode = item.config.getoption("paddock_record") or "none"
    if mode not in RECORD_MODES:
        raise pytest.UsageError(f"--paddock-record: expected one of {', '.join(RECORD_MODES)}; got {mode!r}")
    safe = re.sub(r"[^\w./-]+", "_", name).strip("_")
    if ".." in safe or safe.startswith("/"):
        raise pytest.UsageError(f"@pytest.mark.cassette: expected a name below cassettes/; got {name!r}")
    return Cassette(item.path.parent / "cassettes" / f"{safe}.yaml", mode, secrets)


def _configured(config: pytest.Config) -> Path | None:
    given: str | None = config.getoption("paddock_config")
    if given:
        return config.invocation_params.dir.joinpath(given).resolve()
    named: str = config.getini("paddock_config")
    base = config.inipath.parent if config.inipath else config.rootpath
    return (base / named).resolve() if named else None


def _mode(name: object) -> AiMode:
    for mode in MODES:
        if mode == name:
            return mode
    raise pytest.UsageError(f"paddock-ai: expected one of {', '.join(get_args(AiMode))}; got {name!r}")
