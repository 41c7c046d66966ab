"""The pytest plugin: fixtures, markers and options of the test kit. See testing/README.md.

Every pytest run of an environment with Paddock in it imports this, so it imports nothing but pytest: the kit itself
comes with the first test that uses it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import httpx

    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.context import Context
    from paddock.worker.testing.envproxy import Env
    from paddock.worker.testing.outbound import OutboundRoutes
    from paddock.worker.testing.paddock import Paddock
    from paddock.worker.testing.session import Session

__all__ = [
    "ai",
    "async_client",
    "client",
    "ctx",
    "env",
    "outbound",
    "paddock_session",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "worker",
]

_MARKERS = (
    "paddock(config, env, vars, secrets, source, settings, beside, allow_net, isolation, in_process): its worker",
    "ai(mode=..., reply=..., seed=...): how models answer in this test",
    "models(id, ..., task=..., tag=...): run the test for each of these models of the catalog, its argument `model`",
    "cassette(name): answer calls of models from this file below cassettes/, that of the test's own name by default",
    "gpu: needs an NVIDIA GPU (skipped with a reason where there is none)",
)


class _Noted:
    """What is known of a test while it runs."""

    def __init__(self) -> None:
        self.worker: Paddock | None = None
        self.session: Session | None = None
        #: What ended it, or its set-up, before its end.
        self.raised: BaseException | None = None
        self.timeline = ""


_NOTED = pytest.StashKey[_Noted]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line, each also one of the ini file."""
    group = parser.getgroup("paddock", "Workers under test (Paddock)")
    group.addoption("--paddock-config", metavar="FILE", help="configuration of the worker; the nearest one by default")
    group.addoption(
        "--paddock-ai", metavar="MODE", help="how models answer: fake (default), scripted, replay, vllm or off"
    )
    group.addoption("--paddock-record", metavar="MODE", help="cassettes: none (default), once, new or all")
    group.addoption("--paddock-seed", metavar="N", type=int, help="seed of fake answers, 0 by default")
    group.addoption(
        "--paddock-in-process", action="store_true", help="run handlers in the process of the tests: for debuggers"
    )
    parser.addini("paddock_config", "as --paddock-config, relative to the folder of the ini file")
    parser.addini("paddock_ai", "as --paddock-ai")
    parser.addini("paddock_seed", "as --paddock-seed")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with the marker `models` for each model."""
    marker = metafunc.definition.get_closest_marker("models")
    if marker is not None:
        from paddock.worker.testing.models import parametrize

        parametrize(metafunc, marker)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Skip tests with the marker `gpu` where there is none; else as `pytest_runtest_call`, for fixtures that fail."""
    __tracebackhide__ = _has_own_frames
    if item.get_closest_marker("gpu") is not None:
        from paddock.bindings.ai.engines.device import has_nvidia_gpu

        if not has_nvidia_gpu():
            pytest.skip("needs an NVIDIA GPU: no driver of one is loaded on this machine")
    return (yield from _noted(item))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """When a test ends early, note why and what had happened: inside of what captures its output."""
    __tracebackhide__ = _has_own_frames
    return (yield from _noted(item))


def _noted(item: pytest.Item) -> Generator[None, object, object]:
    __tracebackhide__ = _has_own_frames
    try:
        return (yield)
    except BaseException as error:  # that a test fails, is skipped or interrupted is no `Exception`
        noted = item.stash.setdefault(_NOTED, _Noted())
        noted.raised = error
        if noted.worker and noted.session and isinstance(error, Exception | pytest.fail.Exception):
            noted.timeline = noted.session.timeline(noted.worker)
            if not item.config.getoption("fulltrace", False):
                from paddock.worker.testing.frames import leave_out_the_way

                leave_out_the_way(error)
        raise


def _has_own_frames(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    return raised.errisinstance(Exception)  # what the kit itself fails tests with has none


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows its timeline."""
    report = yield
    noted = item.stash.get(_NOTED, None)
    if noted is not None and report.failed and noted.timeline:
        report.sections.append(("Timeline of the worker", noted.timeline))
        noted.timeline = ""  # once, if another fixture fails at the test's end
    if noted is not None and report.when == "teardown":
        del item.stash[_NOTED]  # it would keep all that the test had, and count for the test when it is run again
    return report


@pytest.fixture(scope="session")
def paddock_session() -> Iterator[Session]:
    """The workers that run, each shared by the tests that are about it."""
    from paddock.worker.testing.session import Session

    session = Session()
    yield session
    session.close()


@pytest.fixture
def worker(request: pytest.FixtureRequest, paddock_session: Session) -> Iterator[Paddock]:
    """The worker of the nearest configuration, or of the marker `paddock`: `await worker.fetch("/path", json=...)`.

    Storage, queues and AI state are new for every test. At its end, background work is awaited: what it raises, and
    what does not end, fails the test; so do replies and rules that no call has used.
    """
    __tracebackhide__ = _has_own_frames
    noted = request.node.stash.setdefault(_NOTED, _Noted())
    with paddock_session.test(request.node) as running:
        noted.worker, noted.session = running, paddock_session
        yield running
        try:
            paddock_session.finish(running, noted.raised)
        except (Exception, pytest.fail.Exception):
            noted.timeline = paddock_session.timeline(running)
            raise


@pytest.fixture
def client(worker: Paddock) -> Iterator[httpx.Client]:
    """A client of httpx whose requests go to the worker, for tests that are no coroutines."""
    with worker.client() as opened:
        yield opened


@pytest.fixture
def async_client(worker: Paddock) -> httpx.AsyncClient:
    """A client of httpx whose requests go to the worker, for coroutines."""
    return worker.async_client()  # it holds nothing that would have to be closed


@pytest.fixture
def env(worker: Paddock) -> Env:
    """What the handler sees as `self.env`: `await env.CACHE.put("key", "value")`."""
    return worker.env


@pytest.fixture
def outbound(worker: Paddock) -> OutboundRoutes:
    """How requests of the handler to elsewhere are answered: `outbound.get("https://example.com/x").reply(json={})`."""
    return worker.outbound


@pytest.fixture
def ctx(worker: Paddock) -> Context:
    """Background work of the handler: `await ctx.drain()`."""
    return worker.ctx


@pytest.fixture
def ai(worker: Paddock) -> Ai:
    """How models answer, and what they were asked: `ai.reply("Hi")`, `ai.calls`."""
    return worker.ai


if getattr(sys.modules["__main__"].__spec__, "name", "").startswith(
    ("paddock.worker.isolate", "paddock.worker.testing")
):
    # A suite that a handler runs, as the SDK's own are, has an `env` of its own, and there is nothing to test it with.
    for _name in __all__:
        del globals()[_name]
