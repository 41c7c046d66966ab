"""What the pytest plugin keeps for a session: workers that run, and which one a test is about."""

from __future__ import annotations

import contextlib
import json
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from paddock.worker.testing.ai import MODES, Ai, AiMode
from paddock.worker.testing.cassettes import RECORD_MODES, Cassette
from paddock.worker.testing.outbound import OutboundRoutes
from paddock.worker.testing.paddock import Paddock
from paddock.worker.testing.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Session"]

#: Workers that are kept running; each is a process.
_MOST_RUNNING: Final = 4
_FLUSH_S: Final = 2.0
_OF_PROJECT: Final = frozenset({"config", "source", "settings", "env", "vars", "secrets", "in_process"})
_OF_TEST: Final = frozenset({"isolation", "allow_net"})
_ISOLATIONS: Final = ("test", "module", "none")
_OF_AI: Final = frozenset({"mode", "reply", "seed"})


class Session:
    """Workers by what they are made from; the one that was used least recently goes when there are too many."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._running: OrderedDict[Project, Paddock] = OrderedDict()
        #: The last test of each worker, by the name of its module.
        self._modules: dict[Project, str] = {}

    @contextlib.contextmanager
    def test(self, item: pytest.Item) -> Iterator[Paddock]:
        """The worker of a test, with everything new that is new for each test."""
        options = self._options(item)
        isolation = options.pop("isolation", "test")
        if isolation not in _ISOLATIONS:
            raise pytest.UsageError(f"paddock(isolation=...): expected one of {_ISOLATIONS}; got {isolation!r}")
        allowed = options.pop("allow_net", [])
        project = self._project(item, options)
        paddock = self._started(project)
        module = item.nodeid.partition("::")[0]
        is_same = self._modules.get(project) == module
        keeps = isolation == "none" or (isolation == "module" and is_same)
        self._modules[project] = module
        ai = self._ai(item)
        if ai.mode == "replay":
            ai.cassette = self._cassette(item, paddock)
        if ai.needs_engines:
            if lacks := paddock.lacks_engine:
                pytest.skip(lacks)
            paddock.prepare_engines()
        paddock.begin_test(ai, OutboundRoutes(allowed), keeps_state=keeps)
        yield paddock

    def finish(self, paddock: Paddock, *, has_failed: bool) -> None:
        """End a test. Fails it for what it left undone, unless it has failed already."""
        with contextlib.suppress(*((Exception,) if has_failed else ())):
            paddock.end_test().result()
        if paddock.ai.cassette is not None and not has_failed:
            paddock.ai.cassette.save()
        unused = paddock.ai.unused() + paddock.outbound.unused()
        if unused and not has_failed:
            pytest.fail("\n".join(["The test answers what the worker did not ask for:", *unused]), pytrace=False)

    @staticmethod
    def timeline(paddock: Paddock) -> str:
        """What happened in the test that runs; all that the handler has printed is in it."""
        with contextlib.suppress(Exception):  # of a worker that is broken, show what there is
            paddock.flush().result(_FLUSH_S)
        return str(paddock.timeline)

    def close(self) -> None:
        """Stop every worker."""
        while self._running:
            self._running.popitem()[1].close()

    def _started(self, project: Project) -> Paddock:
        paddock = self._running.get(project)
        if paddock is None:
            for other in [other for other in self._running if project.in_process and other.in_process]:
                self._running.pop(other).close()  # their modules have the same names
            if len(self._running) >= _MOST_RUNNING:
                self._running.popitem(last=False)[1].close()
            paddock = Paddock.of(project)
            paddock.open()
            self._running[project] = paddock
        self._running.move_to_end(project)
        return paddock

    def _options(self, item: pytest.Item) -> dict[str, Any]:
        """What the markers say, the nearest one last."""
        options: dict[str, Any] = {}
        for marker in reversed(list(item.iter_markers("paddock"))):
            if marker.args:
                raise pytest.UsageError("@pytest.mark.paddock: expected names with values, such as env='staging'")
            options |= marker.kwargs
        if unknown := options.keys() - _OF_PROJECT - _OF_TEST:
            known = ", ".join(sorted(_OF_PROJECT | _OF_TEST))
            raise pytest.UsageError(f"@pytest.mark.paddock: expected {known}; got {', '.join(sorted(unknown))}")
        return options

    def _project(self, item: pytest.Item, options: Mapping[str, Any]) -> Project:
        path = options.get("config")
        if path is not None:
            path = (item.path.parent / path).resolve()
        elif options.get("source") is None:
            path = self._configured()
        start = item.path.parent if path is None and options.get("source") is None else None
        return Project(
            config=path,
            start=start,
            source=options.get("source"),
            settings=json.dumps(options.get("settings", {})),
            env=options.get("env"),
            vars=json.dumps(options.get("vars", {})),
            secrets=json.dumps(options.get("secrets", {})),
            in_process=bool(options.get("in_process", self._config.getoption("paddock_in_process"))),
        )

    def _configured(self) -> Path | None:
        given: str | None = self._config.getoption("paddock_config")
        if given:
            return self._config.invocation_params.dir.joinpath(given).resolve()
        named: str = self._config.getini("paddock_config")
        base = self._config.inipath.parent if self._config.inipath else self._config.rootpath
        return (base / named).resolve() if named else None

    def _ai(self, item: pytest.Item) -> Ai:
        marked: dict[str, Any] = {}
        for marker in reversed(list(item.iter_markers("ai"))):
            marked |= {"mode": marker.args[0]} if marker.args else {}
            marked |= marker.kwargs
        if unknown := marked.keys() - _OF_AI:
            known = ", ".join(sorted(_OF_AI))
            raise pytest.UsageError(f"@pytest.mark.ai: expected {known}; got {', '.join(sorted(unknown))}")
        option = self._config.getoption("paddock_ai") or self._config.getini("paddock_ai")
        if item.get_closest_marker("cassette") is not None or (not option and self._config.getoption("paddock_record")):
            option = "replay"
        seed = self._config.getoption("paddock_seed")
        made = Ai(
            _mode(marked.get("mode") or option or "fake"),
            marked.get("seed", int(self._config.getini("paddock_seed") or 0) if seed is None else seed),
            test=item.nodeid,
        )
        if "reply" in marked:
            replies = marked["reply"]
            made.reply(*(replies if isinstance(replies, list) else [replies]))
        return made

    def _cassette(self, item: pytest.Item, paddock: Paddock) -> Cassette:
        marker = item.get_closest_marker("cassette")
        if marker is not None and len(marker.args) > 1:
            raise pytest.UsageError(f"@pytest.mark.cassette: expected one name; got {marker.args}")
        name = marker.args[0] if marker is not None and marker.args else f"{item.path.stem}/{item.name}"
        mode = self._config.getoption("paddock_record") or "none"
        if mode not in RECORD_MODES:
            raise pytest.UsageError(f"--paddock-record: expected one of {', '.join(RECORD_MODES)}; got {mode!r}")
        safe = re.sub(r"[^\w./-]+", "_", name).strip("_")
        if ".." in safe or safe.startswith("/"):
            raise pytest.UsageError(f"@pytest.mark.cassette: expected a name below cassettes/; got {name!r}")
        return Cassette(item.path.parent / "cassettes" / f"{safe}.yaml", mode, paddock.secrets)


def _mode(name: object) -> AiMode:
    for mode in MODES:
        if mode == name:
            return mode
    raise pytest.UsageError(f"paddock-ai: expected one of {', '.join(get_args(AiMode))}; got {name!r}")
