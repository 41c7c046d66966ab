"""A saved configuration, secret or model file -> the session goes by it, without a restart. DT-034, DT-035.

What cannot be changed while the server runs is named, and stays as it is. A file that is wrong changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.catalog import SHIPPED_CATALOG
from paddock.bindings.errors import PaddockError
from paddock.worker.assembly import project_catalog, read_catalog, renew_service
from paddock.worker.config.files import secret_candidates
from paddock.worker.errors import listed
from paddock.worker.log import LOG, hide_secrets
from paddock.worker.reload import CATALOG, Files, Tree, watch
from paddock.worker.session import load_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from paddock.bindings.ai.catalog import Catalog
    from paddock.bindings.ai.engines.forkserver import ForkServer
    from paddock.bindings.ai.service import AiService
    from paddock.worker.config.loading import Config
    from paddock.worker.hosted import HostedWorker
    from paddock.worker.options import DevOptions

__all__ = ["Reconfigurer", "with_fixed"]

logger = logging.getLogger(__name__)

#: Keys of `[paddock.engine]` that the process, or the fork server of the engines, was started with.
_FIXED_OF_ENGINE: Final = ("kind", "device", "deterministic", "concurrency")

#: Between two looks at what comes with Paddock, which only its own developers save.
_SELDOM_S: Final = 1.0
#: Models that one message names.
_NAMED: Final = 8


class Reconfigurer:
    """Keeps the workers and the AI service of a session at what the files say. `on_change` is called after each change
    of the configuration, with the workers already changed.
    """

    def __init__(
        self,
        workers: Sequence[HostedWorker],
        options: DevOptions,
        service: AiService,
        forkserver: ForkServer | None,
        on_change: Callable[[], None],
    ) -> None:
        self._workers = workers
        self._configs = tuple(worker.config for worker in workers)
        # As they were found: a file that appears nearer by is another project's. A handler alone may get one.
        found = self._configs[0].path if self._configs[0].has_file else None
        self._options = msgspec.structs.replace(options, config=found)
        self._service = service
        self._forkserver = forkserver
        self._on_change = on_change
        self._changed = asyncio.Event()
        # Looked at now, so that nothing is missed that is saved before `run` has begun.
        self._seen = Files(self._configs[0].root, [file for config in self._configs for file in self._files(config)])

    async def run(self) -> None:
        """Look at the files until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch(lambda: self._seen, self._configuration_changed))
            tasks.create_task(
                watch(partial(Tree, SHIPPED_CATALOG, CATALOG), self._catalog_changed, shortest_s=_SELDOM_S)
            )
            tasks.create_task(self._watch_own_catalog(tasks))

    async def _watch_own_catalog(self, tasks: asyncio.TaskGroup) -> None:
        """The configuration names the folder of the project's own models, and may come to name another one."""
        while True:
            folder = project_catalog(self._configs[0])
            looking = tasks.create_task(watch(partial(Tree, folder, CATALOG), self._catalog_changed))
            while folder == project_catalog(self._configs[0]):
                self._changed.clear()
                await self._changed.wait()
            looking.cancel()

    def _files(self, config: Config) -> Iterator[Path]:
        named = self._options.overrides.env_files if config is self._configs[0] else ()
        return iter((config.path, *secret_candidates(config.root, config.env, named)))

    async def _configuration_changed(self, paths: Sequence[str]) -> None:
        try:
            loaded = await asyncio.to_thread(load_session, self._options)
        except PaddockError as error:
            logger.error("%s", error)
            logger.log(LOG, "%s was not taken up: the server goes on as it was.", paths[0])
            return
        pairs = [with_fixed(old, new) for old, new in zip(self._configs, loaded, strict=True)]
        for notice in (notice for _, notices in pairs for notice in notices):
            logger.warning("%s", notice)
        configs = tuple(config for config, _ in pairs)
        if configs == self._configs:
            return
        logger.log(LOG, "⎔ Reloading local server... (%s changed)", paths[0])
        hide_secrets(secret for config in configs for secret in config.secrets)
        for before, config in zip(self._configs, configs, strict=True):
            if config.warnings and config.warnings != before.warnings:
                logger.warning("%s", listed(config.warnings, config.source))
        await self._apply(configs)

    async def _apply(self, configs: tuple[Config, ...]) -> None:
        before, self._configs = self._configs[0], configs
        catalog = self._service.catalog
        if project_catalog(before) != project_catalog(configs[0]):
            for worker in self._workers:
                worker.supervisor.hold()  # until `reconfigure`
            catalog = (await asyncio.to_thread(read_catalog, configs[0])).keeping(catalog)
        self._renew(before, catalog)
        for worker, config in zip(self._workers, configs, strict=True):
            worker.reconfigure(config)
        self._on_change()
        self._changed.set()

    async def _catalog_changed(self, paths: Sequence[str]) -> None:
        catalog, before = await asyncio.to_thread(read_catalog, self._configs[0]), self._service.catalog
        for problem in catalog.problems:
            logger.warning("%s", problem)
        self._renew(self._configs[0], catalog.keeping(before))
        logger.log(LOG, "⎔ Catalog updated (%s changed): %s", paths[0], _difference(before, self._service.catalog))

    def _renew(self, before: Config, catalog: Catalog) -> None:
        try:
            gone = renew_service(self._service, before, self._configs[0], self._forkserver, catalog)
        except PaddockError as error:  # a model that is pinned now and cannot be loaded
            logger.warning("%s", error)
            return
        for model in gone:
            logger.info("engine_outdated model=%s: its next call loads it by the new settings", model)


def with_fixed(before: Config, config: Config) -> tuple[Config, list[str]]:
    """The configuration with what cannot change at run time as it was, and a notice for each such key that would."""
    notices = [
        f"{name} takes effect at the next start: until then it is {_shown(old)}, not {_shown(new)}."
        for name, old, new in _fixed(before, config)
        if old != new
    ]
    kept = {name: getattr(before.paddock.engine, name) for name in _FIXED_OF_ENGINE}
    engine = msgspec.structs.replace(config.paddock.engine, **kept)
    paddock = msgspec.structs.replace(config.paddock, engine=engine)
    return msgspec.structs.replace(
        config, name=before.name, state=before.state, dev=before.dev, consumers=before.consumers, paddock=paddock
    ), notices


def _fixed(before: Config, config: Config) -> Iterator[tuple[str, object, object]]:
    yield "name", before.name, config.name
    for field in msgspec.structs.fields(config.dev):
        yield f"dev.{field.encode_name}", getattr(before.dev, field.name), getattr(config.dev, field.name)
    yield "queues.consumers", before.consumers, config.consumers
    for name in _FIXED_OF_ENGINE:
        yield f"paddock.engine.{name}", getattr(before.paddock.engine, name), getattr(config.paddock.engine, name)


def _shown(value: object) -> str:
    return "unset" if value is None else msgspec.json.encode(value).decode()


def _difference(before: Catalog, now: Catalog) -> str:
    old, new = before.by_name(), now.by_name()
    both = sorted(new.keys() & old.keys())
    parts = [f"new {name}" for name in sorted(new.keys() - old.keys())]
    parts += [f"gone {name}" for name in sorted(old.keys() - new.keys())]
    # What a schema was compiled to is another object each time.
    parts += [f"changed {n}" for n in both if msgspec.structs.replace(new[n], schema=old[n].schema) != old[n]]
    more = [f"{len(parts) - _NAMED} more"] if len(parts) > _NAMED else []
    return ", ".join([*parts[:_NAMED], *more]) or "no model is different"
