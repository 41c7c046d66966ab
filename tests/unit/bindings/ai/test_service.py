import asyncio
import json
import threading
from pathlib import Path

import msgspec
import pytest

from paddock.bindings.ai.card import Property
from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import Weights, find_weights
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import (
    EngineDead,
    EngineError,
    InputError,
    LoraNotFound,
    LoraUnsupported,
    ModelNotFound,
    TaskUnsupported,
)

PHI = "@cf/microsoft/phi-2"
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
TASK = {"id": "t", "name": "Text Generation", "description": ""}


def test_an_answer_comes_with_its_record_and_the_kind_of_its_weights(make_service) -> None:
    """DT-110"""
    calls: list[CallRecord] = []
    service = make_service(ScriptedEngine(["one two three"]))
    result = asyncio.run(service.run(PHI, {"prompt": "a b"}, calls))
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    assert result.output == {"response": "one two three", "usage": usage}
    assert dict(result.headers) == {"paddock-weights": "stand_in", "paddock-model-state": "warm"}
    (call,) = calls
    assert (call.prompt_tokens, call.completion_tokens, call.outcome, call.finish_reason) == (2, 3, "ok", "stop")


def test_an_unknown_model_is_refused_with_the_closest_ids(make_service) -> None:
    """WA-120"""
    calls: list[CallRecord] = []
    with pytest.raises(ModelNotFound, match="No such model @cf/microsoft/phi-3 or task") as caught:
        asyncio.run(make_service(ScriptedEngine()).run("@cf/microsoft/phi-3", {"prompt": "x"}, calls))
    assert PHI in caught.value.hint
    assert calls[0].outcome == "model_not_found"


def test_inputs_outside_the_schema_never_reach_an_engine(make_service) -> None:
    engine = ScriptedEngine()
    with pytest.raises(InputError, match="oneOf at '/' not met, 0 matches"):
        asyncio.run(make_service(engine).run(PHI, {}, []))
    assert engine.requests == []


def test_an_answer_stops_at_256_tokens_when_nothing_says_otherwise(make_service) -> None:
    """WA-045"""
    result = asyncio.run(make_service(ScriptedEngine(["word " * 300])).run(PHI, {"prompt": "x"}, []))
    assert result.output["usage"]["completion_tokens"] == 256


def test_the_default_of_the_models_schema_reaches_the_engine(make_later_service) -> None:
    """WA-041, WA-046"""
    engine = ScriptedEngine(["a"])
    asyncio.run(make_later_service(engine).run("@cf/test/json-mode", {"prompt": "x"}, []))
    assert engine.requests[0].sampling.max_tokens == 2000


def test_sampling_parameters_that_an_early_schema_does_not_declare_are_honoured(make_service) -> None:
    """WA-051"""
    engine = ScriptedEngine(["a"])
    asyncio.run(make_service(engine).run(PHI, {"prompt": "x", "temperature": 0.5, "top_k": 3, "seed": 7}, []))
    sampling = engine.requests[0].sampling
    assert (sampling.temperature, sampling.top_k, sampling.seed) == (0.5, 3, 7)


def test_a_model_of_another_hub_runs_like_any_other(tmp_path: Path) -> None:
    """WA-011"""
    model = {"id": "u", "source": 2, "name": "@hf/acme/Two-1B", "description": "", "tags": [], "task": TASK}
    (tmp_path / "two.json").write_text(json.dumps(model))
    pool = EnginePool(lambda card: Weights("/nowhere", "configured"), lambda card, weights: ScriptedEngine(["a"]))
    result = asyncio.run(AiService(Catalog.read([tmp_path]), pool).run("@hf/acme/Two-1B", {"prompt": "x"}, []))
    assert result.output["response"] == "a"


@pytest.mark.parametrize(("messages", "is_aside"), [(3, False), (20_000, True)])
def test_inputs_that_take_long_to_check_are_checked_aside(make_service, messages: int, is_aside: bool) -> None:
    class Watched(list):
        def __iter__(self):
            readers.add(threading.current_thread())
            return super().__iter__()

    readers: set[threading.Thread] = set()
    inputs = {"messages": Watched([{"role": "user", "content": "x"}] * messages)}
    asyncio.run(make_service(ScriptedEngine(["a"])).run(PHI, inputs, []))
    assert bool(readers - {threading.main_thread()}) == is_aside


@pytest.mark.parametrize("inputs", [[], "x", None, 1])
def test_inputs_that_are_no_object_are_an_input_error(make_service, inputs: object) -> None:
    with pytest.raises(InputError, match="oneOf at '/' not met"):
        asyncio.run(make_service(ScriptedEngine()).run(PHI, inputs, []))


def test_what_fails_before_the_first_piece_of_a_stream_is_raised_not_streamed(make_service) -> None:
    service = make_service(ScriptedEngine([EngineDead("gone")]))
    with pytest.raises(EngineDead):
        asyncio.run(service.run(PHI, {"prompt": "x", "stream": True}, []))


def test_closing_a_stream_aborts_the_engine_request(make_service) -> None:
    """WA-065"""
    gate = Gate()
    engine = ScriptedEngine(["one two three"], gate=gate)
    calls: list[CallRecord] = []

    async def run() -> None:
        gate.let(1)
        result = await make_service(engine).run(PHI, {"prompt": "x", "stream": True}, calls)
        assert engine.open == 1
        await result.events.cancel(None)

    asyncio.run(run())
    assert len(engine.aborts) == 1
    assert (engine.open, calls[0].outcome) == (0, "aborted")


def test_a_shipped_adapter_goes_to_the_engine_by_name(make_service) -> None:
    engine = ScriptedEngine(["Howdy"])
    asyncio.run(make_service(engine).run(MISTRAL, {"prompt": "x", "lora": "ranch-hand"}, []))
    adapter = engine.requests[0].adapter
    assert adapter is not None
    assert (adapter.name, adapter.path.rpartition("/")[2]) == ("ranch-hand", "ranch-hand")


def test_an_unknown_adapter_and_a_model_without_adapters_are_refused(make_service) -> None:
    """WA-139, WA-141"""
    service = make_service(ScriptedEngine())
    with pytest.raises(LoraNotFound, match="Finetune ranch-hnd not found"):
        asyncio.run(service.run(MISTRAL, {"prompt": "x", "lora": "ranch-hnd"}, []))
    with pytest.raises(LoraUnsupported, match="does not support LoRa inference"):
        asyncio.run(service.run(PHI, {"prompt": "x", "lora": "ranch-hand"}, []))


def test_an_answer_that_the_engine_gave_up_is_an_error(make_service) -> None:
    calls: list[CallRecord] = []
    with pytest.raises(EngineError, match="finish reason `error`"):
        asyncio.run(make_service(ScriptedEngine(["x"], finish_reason="error")).run(PHI, {"prompt": "x"}, calls))
    assert calls[0].outcome == "engine_error"


def test_a_models_own_json_mode_gives_the_document_on_every_native_door(make_later_service) -> None:
    """WA-071, WA-076"""
    service = make_later_service(ScriptedEngine(['{"a": 1}']))
    inputs = {"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}}
    assert asyncio.run(service.run("@cf/test/json-mode", inputs, [])).output["response"] == {"a": 1}
    with pytest.raises(InputError, match="enum text not in json_object,json_schema at '/response_format/type'"):
        asyncio.run(service.run("@cf/test/json-mode", {**inputs, "response_format": {"type": "text"}}, []))


def priced_service(catalog: Catalog, engine: ScriptedEngine, ended: list[CallRecord]) -> AiService:
    """phi-2 with a price: 1000 neurons for a million tokens of either kind."""
    rows = [{"unit": f"per M {kind} tokens", "price": 0.011, "currency": "USD"} for kind in ("input", "output")]
    card = msgspec.structs.replace(catalog.card(PHI), properties=(Property("price", rows),))
    pool = EnginePool(find_weights, lambda card, weights: engine)
    return AiService(Catalog({PHI: card}), pool, on_end=ended.append)


def test_an_answer_of_a_model_with_a_price_tells_its_neurons(catalog: Catalog) -> None:
    service = priced_service(catalog, ScriptedEngine(["one two three"]), [])
    result = asyncio.run(service.run(PHI, {"prompt": "a b"}, []))
    assert dict(result.headers)["cf-ai-neurons"] == "0.005000"


def test_a_stream_is_counted_when_it_has_ended(catalog: Catalog) -> None:
    """Its head is out before its cost is known, so the head has none."""

    async def run() -> None:
        result = await priced_service(catalog, ScriptedEngine(["one two"]), ended).run(PHI, inputs, [])
        assert result.events is not None
        assert "cf-ai-neurons" not in dict(result.headers)
        assert ended == []
        while await result.events.pull() is not None:
            pass

    ended: list[CallRecord] = []
    inputs = {"prompt": "a", "stream": True}
    asyncio.run(run())
    (call,) = ended
    assert call.cost is not None
    assert call.cost.neurons == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("model", "task", "inputs"),
    [
        ("@cf/black-forest-labs/flux-1-schnell", "Text-to-Image", {"prompt": "a lighthouse"}),
        ("@cf/myshell-ai/melotts", "Text-to-Speech", {"prompt": "hello"}),
        ("@cf/microsoft/resnet-50", "Image Classification", {"image": [1]}),
        ("@cf/facebook/detr-resnet-50", "Object Detection", {}),
    ],
)
def test_what_nothing_here_can_run_is_refused_by_model_and_task_before_any_work(
    make_service, model: str, task: str, inputs: dict
) -> None:
    engine = ScriptedEngine(["never"])
    with pytest.raises(TaskUnsupported, match=f"^{model} is a model for {task}: Paddock runs "):
        asyncio.run(make_service(engine).run(model, inputs, []))
    assert engine.requests == []
