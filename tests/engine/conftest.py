"""The real vLLM engine: one fork server, and one engine per model and setting, for the whole session."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import paddock.bindings
from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.protocol import Adapter, EngineRequest, Message, SamplingParams
from paddock.bindings.ai.engines.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from paddock.bindings.ai.engines.protocol import Engine, EngineChunk

    Run = Callable[[Coroutine[Any, Any, Any]], Any]
    EngineOf = Callable[..., EmbeddedEngine]

HERE = Path(__file__).parent
STAND_INS = Path(paddock.bindings.__file__).parent.parent / "catalog" / "stand-ins"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs vLLM, and the time to start it."""
    missing = importlib.util.find_spec("vllm") is None
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.timeout(300))
            if missing:
                item.add_marker(pytest.mark.skip(reason='vLLM is not installed: pip install "paddock[cpu]"'))


class Answer(NamedTuple):
    """A whole answer, and its chunks."""

    text: str
    chunks: list[EngineChunk]


async def _answer(engine: Engine, request: EngineRequest) -> Answer:
    async with aclosing(engine.generate(request)) as stream:
        chunks = [chunk async for chunk in stream]
    return Answer("".join(chunk.text for chunk in chunks), chunks)


def _ask(question: str | None = None, *, adapter: Adapter | None = None, **more: Any) -> EngineRequest:
    """A greedy request: a question for the chat template, or `prompt` as it is."""
    prompt = more.pop("prompt", None)
    messages = None if question is None else (Message("user", question),)
    sampling = SamplingParams(**{"max_tokens": 48, "temperature": 0.0, **more})
    return EngineRequest(sampling=sampling, prompt=prompt, messages=messages, adapter=adapter)


@pytest.fixture(scope="session")
def answer() -> Callable[[Engine, EngineRequest], Coroutine[Any, Any, Answer]]:
    return _answer


@pytest.fixture(scope="session")
def ask() -> Callable[..., EngineRequest]:
    return _ask


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs a coroutine on the loop that the session's engines live on."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session", autouse=True)
def forkserver(run: Run) -> Iterator[ForkServer]:
    """Started before any test, so that no test counts it among the processes that it left behind."""
    server = ForkServer()
    server.start()
    yield server
    run(server.close())


@pytest.fixture(scope="session")
def engine_of(run: Run, forkserver: ForkServer) -> Iterator[EngineOf]:
    """The engine of a model folder with these settings, made once."""
    engines: dict[str, EmbeddedEngine] = {}

    def of(path: Path, **more: Any) -> EmbeddedEngine:
        name = f"{path.name} {json.dumps(more, sort_keys=True)}" if more else path.name
        settings = {"max_model_len": 2048, "dtype": "float32", **more}
        if name not in engines:
            engines[name] = EmbeddedEngine(
                EngineSettings(model_path=str(path), served_name=name, **settings), forkserver
            )
        return engines[name]

    yield of
    for engine in engines.values():
        run(engine.close())


@pytest.fixture(scope="session")
def stand_ins() -> Path:
    return STAND_INS


@pytest.fixture(scope="session")
def tireless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never ends its answer: the Llama stand-in, told that another token were its end of sequence."""
    path = tmp_path_factory.mktemp("models") / "tireless"
    shutil.copytree(STAND_INS / "llama", path)
    vocabulary = json.loads((path / "tokenizer.json").read_text())["model"]["vocab"]
    for file, key, value in [
        ("config.json", "eos_token_id", vocabulary["~"]),
        ("generation_config.json", "eos_token_id", vocabulary["~"]),
        ("tokenizer_config.json", "eos_token", "~"),
    ]:
        (path / file).write_text(json.dumps({**json.loads((path / file).read_text()), key: value}))
    return path
