"""The settings that Paddock reads as they stand in wrangler-like.toml: `[dev]`, `[paddock]` and the command line's."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "DevSettings",
    "Device",
    "Dtype",
    "EngineSettings",
    "Json",
    "ModelSettings",
    "Overrides",
    "PaddockSettings",
]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Device = Literal["auto", "cpu", "cuda"]
Dtype = Literal["auto", "float16", "bfloat16", "float32"]

_Port = Annotated[int, Meta(ge=0, le=65535)]
_Count = Annotated[int, Meta(ge=1)]
_Seconds = Annotated[float, Meta(gt=0)]
_Fraction = Annotated[float, Meta(gt=0, le=1)]
_MB: Final = 1_000_000


class DevSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[dev]`: where the dev server listens. Port 0 means any free port."""

    ip: str = "localhost"
    port: _Port = 8787


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[paddock.engine]`: how models are run. None leaves the choice to the engine host."""

    kind: Literal["vllm", "off"] = "vllm"
    device: Device = "auto"
    dtype: Dtype = "auto"
    #: Context window in tokens; a model's own is the limit.
    max_model_len: _Count | None = None
    #: Generations that run in one batch.
    max_num_seqs: _Count = 128
    #: Memory for keys and values of attention, on the device.
    kv_cache_bytes: _Count | None = None
    #: Part of the device's memory that a model may use, when `kv_cache_bytes` does not say.
    gpu_memory_utilization: _Fraction | None = None
    #: True skips compilation and graph capture: a model is ready in seconds, and each token costs a little more.
    enforce_eager: bool = True
    load_timeout_s: _Seconds = 300.0


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[paddock.models."@cf/..."]`: what one model has different."""

    #: A folder (absolute after loading) or a Hugging Face repository.
    weights: str | None = None
    #: Adapters: public name -> folder in PEFT format (absolute after loading).
    lora: dict[str, str] = {}
    dtype: Dtype | None = None
    max_model_len: _Count | None = None


class PaddockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[paddock]`: what wrangler has no key for."""

    #: A folder of model files; its models go before those of the shipped catalog (absolute after loading).
    catalog: str | None = None
    #: False makes missing weights an error instead of a reason to run the model's stand-in.
    stand_ins: bool = True
    #: What REST clients must send as their API token. None lets everybody in. PADDOCK_API_TOKEN goes before it.
    api_token: Annotated[str, Meta(min_length=1)] | None = None
    #: Larger request bodies are refused with 413. Source: developer docs, Workers limits, free and pro plans.
    max_body_bytes: _Count = 100 * _MB
    #: From the start of an isolate until it can take requests.
    isolate_start_timeout_s: _Seconds = 15.0
    #: What running requests and `waitUntil` work get when an isolate is replaced. Source: developer docs, `waitUntil`.
    drain_timeout_s: _Seconds = 30.0
    #: How long a handler may keep its event loop before it is killed. Source: developer docs, Workers limits, CPU time.
    cpu_limit_s: _Seconds = 30.0
    engine: EngineSettings = EngineSettings()
    models: dict[str, ModelSettings] = {}


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; it wins over every file."""

    ip: str | None = None
    port: int | None = None
    vars: dict[str, str] = {}
