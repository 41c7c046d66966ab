"""The settings that Paddock reads as they stand in wrangler-like.toml: `[dev]`, `[paddock]` and the command line's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "DevSettings",
    "Device",
    "Dtype",
    "EngineKind",
    "EngineSettings",
    "Json",
    "LimitsSettings",
    "ModelSettings",
    "Overrides",
    "PaddockSettings",
    "Protocol",
    "Url",
]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Device = Literal["auto", "cpu", "cuda"]
Dtype = Literal["auto", "float16", "bfloat16", "float32"]
EngineKind = Literal["vllm", "remote", "off"]
Protocol = Literal["http", "https"]

_Port = Annotated[int, Meta(ge=0, le=65535)]
_Count = Annotated[int, Meta(ge=1)]
_Seconds = Annotated[float, Meta(gt=0)]
#: As Ollama writes them: a number of seconds, or numbers with units. No `$` alone: in Python it allows a newline.
_DURATION: Final = r"^-?([0-9]+(\.[0-9]+)?|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$(?!\n)"
_Duration = float | Annotated[str, Meta(pattern=_DURATION, description="duration (5m, 1h30m)")]
#: A server's, perhaps with a path; no user, query or fragment.
Url = Annotated[
    str, Meta(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$(?!\n)", description="address (http://host:8000)")
]
_Fraction = Annotated[float, Meta(gt=0, le=1)]
_MB: Final = 1_000_000


class DevSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[dev]`: where the dev server listens, and the address that the worker sees. Port 0 means any free port."""

    #: Address to listen on.
    ip: str = "localhost"
    #: 0 means any free one; a busy one that no flag named is replaced by a free one.
    port: _Port = 8787
    #: `https` uses a certificate of this machine's, unless the command line names one.
    local_protocol: Protocol = "http"
    #: The host of the URLs that the worker sees. None: that of the first route, else the one that was asked for.
    host: Annotated[str, Meta(min_length=1)] | None = None
    #: The protocol of those URLs. None: the one that was used.
    upstream_protocol: Protocol | None = None
    #: Where debuggers connect. None: nowhere, unless the command line says so.
    inspector_port: _Port | None = None
    #: None: 127.0.0.1.
    inspector_ip: Annotated[str, Meta(min_length=1)] | None = None
    #: Whether `paddock dev` writes what `paddock types` writes, at every change; as `--types`.
    generate_types: bool = False


class LimitsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[limits]`: what one event may use. Source: developer docs, Workers limits, the defaults of the paid plan."""

    #: Milliseconds of processor time; the free plan has 10.
    cpu_ms: Annotated[int, Meta(ge=1, le=300_000)] = 30_000
    #: Fetches, and calls of bindings; the free plan has 50 of the former.
    subrequests: _Count = 10_000


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[paddock.engine]`: how models are run. None leaves the choice to the engine host."""

    #: vLLM on this machine, vLLM servers elsewhere, or no engine.
    kind: EngineKind = "vllm"
    #: Where vLLM's OpenAI servers are: of `kind = "remote"`, for every model that names none of its own. Several serve
    #: the same model.
    url: Url | None = None
    #: Several of them.
    urls: list[Url] = []
    #: What those servers take as bearer token. PADDOCK_REMOTE_KEY goes before it.
    remote_key: Annotated[str, Meta(min_length=1)] | None = None
    #: Where models run.
    device: Device = "auto"
    #: Number format of weights and computation; `auto` is the checkpoint's own.
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
    #: The same answer to the same request, whatever else runs; on the CPU one request at a time.
    deterministic: bool = False
    #: vLLM's engine core in a process of its own: one process more for each model.
    core_process: bool = False
    #: How long a model stays loaded after its last call: seconds, or `5m`, `1h30m`; 0 is not at all, below 0 for ever.
    keep_alive: _Duration = "5m"
    #: After this time of idleness its weights leave the GPU for the machine's memory. Without meaning on the CPU.
    sleep_after: _Duration | None = None
    #: Models that are loaded at once; one more takes the place of the one that was used least recently. None: one on a
    #: GPU, where a model takes all of the memory unless told otherwise; as many as fit into memory on the CPU.
    max_loaded: _Count | None = None
    #: Sum of the concurrency costs (of the model files) of the calls that run at once; the others wait.
    concurrency: _Count | None = None
    #: Calls of one model that may wait for a place in the batch; one more gets production's capacity error.
    max_queue: _Count = 2048
    #: What a call of a model that is not loaded meets: it waits, or the capacity error while the load begins.
    on_cold: Literal["wait", "reject"] = "wait"
    #: From the start of a load to a model that is ready.
    load_timeout_s: _Seconds = 300.0
    #: A model that has calls, answers nothing and computes nothing for this long is ended.
    stall_timeout_s: _Seconds = 60.0
    #: For room and a turn, before the model is there; for the first token; for the whole answer.
    queue_timeout_s: _Seconds = 300.0
    #: From the start of an answer to its first token; then 408 and 3007.
    first_token_timeout_s: _Seconds | None = None
    #: From the start of an answer to its end; then 408 and 3046.
    total_timeout_s: _Seconds | None = None


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[paddock.models."@cf/..."]`: what one model has different."""

    #: A folder (absolute after loading) or a Hugging Face repository.
    weights: str | None = None
    #: The vLLM OpenAI servers that serve this model, in place of an engine here. One may be written without a list.
    engine: Annotated[list[Url], Meta(extra={"takes_one": True}, extra_json_schema={"takes_one": True})] = []
    #: The name that they serve it by. None: their only model, else the model's repository.
    remote_model: Annotated[str, Meta(min_length=1)] | None = None
    #: Adapters: public name -> folder in PEFT format (absolute after loading; with servers, a folder on theirs).
    lora: dict[str, str] = {}
    #: In place of `paddock.engine.dtype`.
    dtype: Dtype | None = None
    #: In place of `paddock.engine.max_model_len`.
    max_model_len: _Count | None = None
    #: Loaded when the server starts, and never unloaded but by hand.
    pinned: bool = False


class PaddockSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[paddock]`: what wrangler has no key for."""

    #: A folder of model files; its models go before those of the shipped catalog (absolute after loading).
    catalog: str | None = None
    #: False makes missing weights an error instead of a reason to run the model's stand-in.
    stand_ins: bool = True
    #: What production refuses is refused here. False warns instead, where that is possible.
    strict: bool = True
    #: What REST clients must send as their API token. None lets everybody in.
    api_token: Annotated[str, Meta(min_length=1)] | None = None
    #: Larger request bodies are refused with 413. Source: developer docs, Workers limits, free and pro plans.
    max_body_bytes: _Count = 100 * _MB
    #: From the start of an isolate until it can take requests.
    isolate_start_timeout_s: _Seconds = 15.0
    #: What running requests and `waitUntil` work get when an isolate is replaced. Source: developer docs, `waitUntil`.
    drain_timeout_s: _Seconds = 30.0
    #: How long a handler may keep its event loop, waiting included, before its isolate is killed. Processor time is
    #: limited by `limits.cpu_ms`.
    cpu_limit_s: _Seconds = 60.0
    #: Processor time until the handler is imported, CPython's own start included. None for any; production has 1000.
    startup_cpu_ms: _Count | None = None
    #: Resident memory of one isolate, in millions of bytes; a larger one is killed. Production has 128.
    memory_mb: Annotated[int, Meta(ge=64)] = 512
    #: What `waitUntil` work gets after the response. Source: developer docs, Workers limits, `waitUntil`.
    wait_until_s: _Seconds = 30.0
    #: Processes that run the handler, side by side.
    isolates: Annotated[int, Meta(ge=1, le=64)] = 1
    #: How models are run.
    engine: EngineSettings = EngineSettings()
    #: What single models have different, by model id.
    models: dict[str, ModelSettings] = {}

    def servers(self, model: str) -> tuple[str, ...]:
        """The addresses of the servers that serve a model, without a trailing `/` or `/v1`; none for one run here."""
        entry = self.models.get(model)
        urls = entry.engine if entry else []
        if not urls and self.engine.kind == "remote":
            urls = [self.engine.url] if self.engine.url is not None else self.engine.urls
        return tuple(dict.fromkeys(url.rstrip("/").removesuffix("/v1") for url in urls))


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; it wins over every file."""

    ip: str | None = None
    port: int | None = None
    inspector_ip: str | None = None
    inspector_port: int | None = None
    generate_types: bool | None = None
    vars: dict[str, str] = {}
    #: Files of secrets in place of those that are found.
    env_files: tuple[Path, ...] = ()
    deterministic: bool = False
    persist_to: Path | None = None
    assets: Path | None = None
    #: Keys of the file, in place of what stands there; see worker/config/flags.py.
    main: Path | None = None
    name: str | None = None
    compatibility_date: str | None = None
    compatibility_flags: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    local_protocol: Protocol | None = None
    host: str | None = None
    upstream_protocol: Protocol | None = None
    catalog: Path | None = None
    engine: EngineKind | None = None
    keep_alive: str | None = None
    strict: bool | None = None
    #: Models that are pinned, and have to be loaded before the server is ready.
    preload: tuple[str, ...] = ()
