"""What the pytest plugin keeps for a session: workers that run, and which one a test is about."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import pytest

from paddock.worker.errors import ConfigError
from paddock.worker.testing.errors import BackgroundWorkLeft, NetworkBlocked, UnexpectedAiCall
from paddock.worker.testing.frames import leave_out_the_way
from paddock.worker.testing.marked import ai_of, cassette_of, options_of, project_of
from paddock.worker.testing.outbound import OutboundRoutes
from paddock.worker.testing.paddock import Paddock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.project import Project

__all__ = ["Session"]

#: Workers that are kept running; each is a process.
_MOST_RUNNING: Final = 4
_FLUSH_S: Final = 2.0


class Session:
    """Workers by what they are made from; the one that was used least recently goes when there are too many."""

    def __init__(self) -> None:
        self._running: OrderedDict[Project, Paddock] = OrderedDict()
        #: The last test of each worker, by the name of its module.
        self._modules: dict[Project, str] = {}

    @contextlib.contextmanager
    def test(self, item: pytest.Item) -> Iterator[Paddock]:
        """The worker of a test, with everything new that is new for each test."""
        paddock, ai, outbound, keeps = self._cast(item)
        if ai.mode == "replay":
            ai.cassette = cassette_of(item, paddock.secrets)
        if ai.needs_engines:
            if lacks := paddock.lacks_engine:
                pytest.skip(lacks)
            paddock.prepare_engines()
        paddock.begin_test(ai, outbound, keeps_state=keeps)
        yield paddock

    def finish(self, paddock: Paddock, raised: BaseException | None) -> None:
        """End a test. Fails it for what it left undone, unless something was raised: it has failed, or was skipped."""
        __tracebackhide__ = True
        if isinstance(raised, KeyboardInterrupt | pytest.exit.Exception):
            return  # no other test comes, and nobody wants to wait
        problem = ""
        try:
            paddock.end_test().result()
        except (BackgroundWorkLeft, NetworkBlocked, UnexpectedAiCall) as left:  # its text says where
            problem = str(left)
        except Exception as error:  # user code: what its background work raised
            if not raised:
                leave_out_the_way(error)
                raise
        if raised:
            return
        if problem:
            pytest.fail(problem, pytrace=False)
        if paddock.ai.cassette is not None:
            paddock.ai.cassette.save()
        if unused := paddock.ai.unused() + paddock.outbound.unused():
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

    def _cast(self, item: pytest.Item) -> tuple[Paddock, Ai, OutboundRoutes, bool]:
        """Who plays in a test, and whether what was stored stays. Fails the test where its markers are wrong."""
        try:
            options = options_of(item)
            project, ai = project_of(item, options), ai_of(item)
            paddock = self._started(project)
        except (pytest.UsageError, ConfigError) as error:
            problem = str(error)
        else:
            keeps = self._keeps_state(item, project, options["isolation"])
            return paddock, ai, OutboundRoutes(options.get("allow_net", [])), keeps
        pytest.fail(problem, pytrace=False)

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

    def _keeps_state(self, item: pytest.Item, project: Project, isolation: str) -> bool:
        module = item.nodeid.partition("::")[0]
        is_same = self._modules.get(project) == module
        self._modules[project] = module
        return isolation == "none" or (isolation == "module" and is_same)
