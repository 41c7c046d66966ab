"""The frames between server, fork server and host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from paddock.bindings.ai.engines import frames
from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk, Message, SamplingParams
from paddock.bindings.ai.engines.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLING = SamplingParams(max_tokens=5, temperature=0.5, stop=("\n",))
CHUNK = EngineChunk("text", 2, "stop", 7, 3)


@pytest.mark.parametrize(
    ("message", "decode"),
    [
        (frames.Start(EngineSettings(model_path="/m", served_name="m")), frames.decode_to_host),
        (frames.Add(1, SAMPLING, prompt="hi", adapter=Adapter("a", "/a")), frames.decode_to_host),
        (frames.Add(1, SAMPLING, messages=(Message("user", "hi"),)), frames.decode_to_host),
        (frames.Abort((1, 2)), frames.decode_to_host),
        (frames.AskStats(3), frames.decode_to_host),
        (frames.Stop(), frames.decode_to_host),
        (frames.Progress("config"), frames.decode_from_host),
        (frames.Ready(7, "1", "2", "cpu", "float32", 10, 4, 80, {"model": 0.5}), frames.decode_from_host),
        (frames.Outputs([(1, CHUNK), (2, EngineChunk("", 1))]), frames.decode_from_host),
        (frames.Refused(1, "context", "too long", (12, 10)), frames.decode_from_host),
        (frames.Stats(1, 2, 3, 4, 5, 6, ("a",)), frames.decode_from_host),
        (frames.Fatal("broken"), frames.decode_from_host),
        (frames.Preload(("json",), "host:main"), frames.decode_to_nursery),
        (frames.ForkHost(1), frames.decode_to_nursery),
        (frames.KillHost(1), frames.decode_to_nursery),
        (frames.Warm(4.5, ("a: missing",)), frames.decode_from_nursery),
        (frames.Forked(1, 4321), frames.decode_from_nursery),
        (frames.Exited(1, -9), frames.decode_from_nursery),
    ],
    ids=lambda value: type(value).__name__,
)
def test_message_survives_the_wire(message: Any, decode: Callable[[bytes], object]) -> None:
    assert decode(frames.encode(message)) == message


def test_outputs_of_a_step_are_one_plain_array() -> None:
    wire = msgspec.msgpack.decode(frames.encode(frames.Outputs([(1, CHUNK)])))
    assert wire == [2, [[1, ["text", 2, "stop", 7, 3, [], "", [], False, None]]]]


@pytest.mark.parametrize("union", [frames.ToHost, frames.FromHost, frames.ToNursery, frames.FromNursery], ids=str)
def test_kinds_of_one_direction_are_distinct_small_numbers(union: Any) -> None:
    tags = [kind.__struct_config__.tag for kind in union.__args__]
    assert tags == list(range(len(tags)))


def test_frame_of_the_other_direction_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        frames.decode_to_host(frames.encode(frames.Fatal("no")))
