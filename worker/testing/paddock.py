"""`Paddock`: a worker under test, for the fixtures of the pytest plugin and for any other program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from paddock.worker.testing.ai import Ai
from paddock.worker.testing.context import Context
from paddock.worker.testing.lifecycle import Lifecycle
from paddock.worker.testing.outbound import OutboundRoutes
from paddock.worker.testing.project import Project
from paddock.worker.testing.requests import Requests, WorkerBeside
from paddock.worker.testing.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from paddock.worker.testing.ai import AiMode
    from paddock.worker.testing.exchanges import Exchanges

__all__ = ["Paddock"]


class Paddock(Lifecycle, Requests):
    """A worker, its bindings and its models, in this program: no server, no port. `with` and `async with` start it.

    Without arguments it is the worker of the nearest configuration from the current folder upwards. What takes time
    returns a `Pending`: await it, or take its `result()`.
    """

    def __init__(
        self,
        config: str | Path | None = None,
        *,
        source: str | None = None,
        settings: Mapping[str, Any] | None = None,
        env: str | None = None,
        vars: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        ai: AiMode = "fake",
        seed: int = 0,
        allow_net: Iterable[str] = (),
        outbound: Callable[[httpx.Request], httpx.Response] | httpx.MockTransport | None = None,
        in_process: bool = False,
        beside: Iterable[str | Path | Mapping[str, Any]] = (),
        on_log: Callable[[str, str], None] | None = None,
    ) -> None:
        """`source` is a handler's text, with `settings` as its configuration, in place of a project on disk.

        `vars` and `secrets` go before those of the configuration; `env` chooses one of its environments. Requests
        of the handler to elsewhere are answered by `outbound`, leave for the hosts of `allow_net`, or are refused.
        With `in_process` the handler runs in this program. `beside` names workers that run beside it, for its service
        bindings, queues and tail workers: configurations, or objects with what this takes, up to `secrets`. `on_log`
        gets each line that handlers print, after the name of its stream.
        """
        project = Project.of(
            {
                "config": config, "source": source, "settings": settings, "env": env, "vars": vars, "secrets": secrets,
                "beside": beside, "in_process": in_process,
            },
            Path(),
        )  # fmt: skip
        transport = httpx.MockTransport(outbound) if callable(outbound) else outbound
        self._make(project, Ai(ai, seed), OutboundRoutes(allow_net, transport), on_log)

    @classmethod
    def of(cls, project: Project, on_log: Callable[[str, str], None] | None = None) -> Paddock:
        """The worker of a project."""
        made = cls.__new__(cls)
        made._make(project, Ai(), OutboundRoutes(), on_log)
        return made

    def _make(
        self, project: Project, ai: Ai, outbound: OutboundRoutes, on_log: Callable[[str, str], None] | None
    ) -> None:
        super().__init__(project, ai, outbound, on_log)
        #: Background work of the handlers.
        self.ctx = Context(self)

    def __enter__(self) -> Self:
        self.open()
        self._begin_first()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.end_test().result()
        finally:
            self.close()

    async def __aenter__(self) -> Self:
        await in_thread(self.open)
        self._begin_first()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await in_thread(lambda: self.__exit__(kind, error, trace))

    def worker(self, name: str) -> WorkerBeside:
        """A worker beside this one, by its name, to be asked by the test itself. Raises KeyError."""
        return WorkerBeside(self, name)

    def _exchanging(self) -> Exchanges:
        return self.exchanges_with()

    def _begin_first(self) -> None:
        if self.ai.needs_engines:
            self.prepare_engines()
        self.begin_test(self.ai, self.outbound)
