"""What server, fork server and engine host say to each other. Arrays on the wire, the first element is the kind.

Two connections use them. The engine connection (`ToHost`, `FromHost`) runs between `embedded.py` and `host.py`; request
ids on it are the server's, never vLLM's. The control connection (`ToNursery`, `FromNursery`) runs between
`forkserver.py` and `nursery.py`. Every payload travels in the 4-byte framing of `paddock.worker.channel`.
"""

from typing import Literal

import msgspec

from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk, Message, SamplingParams, ToolUse
from paddock.bindings.ai.engines.settings import EngineSettings
from paddock.bindings.ai.engines.work import Work

__all__ = [
    "Abort",
    "Add",
    "AskStats",
    "Exited",
    "Fatal",
    "ForkHost",
    "Forked",
    "FromHost",
    "FromNursery",
    "KillHost",
    "Outputs",
    "Phase",
    "Preload",
    "Progress",
    "Ready",
    "Refusal",
    "Refused",
    "Sleep",
    "Slept",
    "Start",
    "Stats",
    "Stop",
    "ToHost",
    "ToNursery",
    "Warm",
    "decode_from_host",
    "decode_from_nursery",
    "decode_to_host",
    "decode_to_nursery",
    "encode",
]

#: Steps of a load, in order. `fork`: waiting for the warm fork server; the host itself reports the others.
Phase = Literal["fork", "import", "config", "model"]

#: Why one request was turned away. `context`: parameters are the wanted and the allowed number of tokens. `input`: vLLM
#: or we do not take a value; `structure`: no grammar can be made of the JSON Schema; `lora_missing`: no such adapter on
#: disk; `lora_off`: this engine takes no adapters; `tools_off`: nobody told it how this model writes tool calls;
#: `sight_off`: this checkpoint sees nothing; `image`: a file is no picture that we decode;
#: `work_off`: this model does no such work; `text`: a text is too long to be read, parameters as for `context`;
#: `internal`: something broke for this request only.
Refusal = Literal[
    "context",
    "input",
    "structure",
    "lora_missing",
    "lora_off",
    "tools_off",
    "sight_off",
    "image",
    "work_off",
    "text",
    "internal",
]


class Start(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """The first frame to a host: load this model."""

    settings: EngineSettings


class Add(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """Begin a generation. The fields are those of `EngineRequest`."""

    id: int
    sampling: SamplingParams
    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    adapter: Adapter | None = None
    tool_use: ToolUse | None = None
    template_variables: dict[str, bool | int | float | str] = {}
    is_whole: bool = False
    work: Work | None = None
    is_patient: bool = False


class Abort(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """Nobody reads these generations any more. Ids that have ended are ignored."""

    ids: tuple[int, ...]


class AskStats(msgspec.Struct, array_like=True, tag=3, frozen=True):
    """Answered by `Stats` with the same serial, between two steps."""

    serial: int


class Stop(msgspec.Struct, array_like=True, tag=4, frozen=True):
    """Leave now, whatever runs."""


class Sleep(msgspec.Struct, array_like=True, tag=5, frozen=True):
    """Take the weights off the device, or bring them back. Answered by `Slept` with the same serial."""

    serial: int
    is_asleep: bool


class Progress(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """The load has entered this phase."""

    phase: Phase


class Ready(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """The model is loaded; requests that came earlier are answered now."""

    #: The host's own process: the fork server says it too, but on another connection, and maybe later.
    pid: int
    vllm: str
    torch: str
    device: str
    dtype: str
    max_model_len: int
    max_num_seqs: int
    kv_cache_tokens: int
    #: Seconds by phase, in the order in which the phases ran.
    seconds: dict[Phase, float]


class Outputs(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """Everything that one engine step gave: one frame for all requests of the batch."""

    chunks: list[tuple[int, EngineChunk]]


class Refused(msgspec.Struct, array_like=True, tag=3, frozen=True):
    """This request will give no output."""

    id: int
    kind: Refusal
    message: str
    parameters: tuple[int, ...] = ()


class Stats(msgspec.Struct, array_like=True, tag=4, frozen=True):
    """Counts of this moment; `running` and `waiting` are those of vLLM's scheduler."""

    serial: int
    running: int
    waiting: int
    #: Most requests that one step ever held.
    peak_running: int
    #: Requests that wait in the host: prompts being tokenised, adapters without a free slot.
    held: int
    steps: int
    adapters: tuple[str, ...]
    #: Share of the KV cache that is taken, 0 to 1.
    kv_cache_usage: float = 0.0


class Fatal(msgspec.Struct, array_like=True, tag=5, frozen=True):
    """The last frame of a host that cannot go on."""

    message: str


class Slept(msgspec.Struct, array_like=True, tag=6, frozen=True):
    """What `Sleep` asked for is done."""

    serial: int


class Preload(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """The first frame to the fork server: modules to import, and `module:function` to run in every host."""

    modules: tuple[str, ...]
    host: str


class ForkHost(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """Fork a host. Two descriptors travel along: its end of the engine connection, and where its output goes."""

    serial: int


class KillHost(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """Kill this host. Sent to the one that reaps it, so that the pid cannot be another's."""

    serial: int


class Warm(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """The fork server has imported what it was told to; `missing` says which modules failed, and how."""

    seconds: float
    missing: tuple[str, ...]


class Forked(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """The host runs."""

    serial: int
    pid: int


class Exited(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """The host is gone and reaped. `status` is the exit code, or minus the signal."""

    serial: int
    status: int


ToHost = Start | Add | Abort | AskStats | Stop | Sleep
FromHost = Progress | Ready | Outputs | Refused | Stats | Fatal | Slept
ToNursery = Preload | ForkHost | KillHost
FromNursery = Warm | Forked | Exited

_encoder = msgspec.msgpack.Encoder()
_to_host: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
_from_host: msgspec.msgpack.Decoder[FromHost] = msgspec.msgpack.Decoder(FromHost)
_to_nursery: msgspec.msgpack.Decoder[ToNursery] = msgspec.msgpack.Decoder(ToNursery)
_from_nursery: msgspec.msgpack.Decoder[FromNursery] = msgspec.msgpack.Decoder(FromNursery)

encode = _encoder.encode
decode_to_host = _to_host.decode
decode_from_host = _from_host.decode
decode_to_nursery = _to_nursery.decode
decode_from_nursery = _from_nursery.decode
