"""What an engine host must know before it starts: the model, the device and the limits."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paddock.bindings.ai.engines.work import PoolingType  # noqa: TC001 -- msgspec reads the annotations

__all__ = ["DeviceName", "DtypeName", "EngineSettings", "Runner"]

DtypeName = Literal["auto", "float16", "bfloat16", "float32"]
DeviceName = Literal["auto", "cpu", "cuda"]
#: What a host does with its model: `generate` writes text, `pooling` reads texts (both vLLM).
Runner = Literal["generate", "pooling"]


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's engine. `None` means: derived from the model, the device or vLLM's own default, as the field says."""

    #: Folder with config.json, weights and tokenizer.
    model_path: str
    #: The name in logs, errors and metrics: the model id, never the path.
    served_name: str
    runner: Runner = "generate"
    #: For `pooling`: how vectors are pooled unless a request says otherwise; `None` is the checkpoint's own way.
    pooling: PoolingType | None = None
    #: For `pooling`: shorter vectors are laid out in this many dimensions, which keeps every angle. For stand-ins,
    #: whose vectors must have the length of those that they stand for.
    dimensions: int | None = None
    dtype: DtypeName = "auto"
    device: DeviceName = "auto"
    #: Context window in tokens, prompt and answer together; `None` takes the model's own.
    max_model_len: int | None = None
    #: Requests that are decoded in one batch; more of them wait.
    max_num_seqs: int = 128
    #: Requests that may be open at once, running and waiting; one more is `EngineOverloaded`.
    max_open_requests: int = 2048
    #: Bytes of the KV cache; `None` takes them from model and free memory on the CPU, from `gpu_memory_utilization` on
    #: CUDA.
    kv_cache_bytes: int | None = None
    #: Share of the GPU's memory for weights and KV cache; `None` is vLLM's default. Without meaning on the CPU.
    gpu_memory_utilization: float | None = None
    #: No compilation and no CUDA graphs; `None` is eager on the CPU (compiling costs 13 to 20 s at every start) and
    #: compiled on CUDA.
    enforce_eager: bool | None = None
    #: vLLM's engine core in a process of its own beside the host, instead of in it.
    core_process: bool = False
    #: The same answer to the same request, whatever else runs: vLLM's batch-invariant mode on CUDA (which must be in
    #: the fork server's environment), one request at a time on the CPU; and a seed for requests that name none.
    deterministic: bool = False
    #: Be able to sleep: the weights leave the GPU for the machine's memory, and come back faster than from disk.
    enable_sleep: bool = False
    #: Jinja text that renders messages; `None` takes the tokenizer's own template.
    chat_template: str | None = None
    #: vLLM's names of how this model writes tool calls, and what it thinks; `None`: it does neither.
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    enable_lora: bool = False
    #: Adapters that are active at once. Requests for further ones wait until an adapter has no request left.
    max_loras: int = 4
    max_lora_rank: int = 32
    #: vLLM's name of the quantisation method; `None` takes what the checkpoint says.
    quantization: str | None = None
    #: Seconds until a load counts as failed and its host is killed.
    load_timeout_s: float = 900.0
    #: Seconds without a frame and without processor time until a host that owes an answer is killed.
    stall_timeout_s: float = 60.0
    #: Further fields of vLLM's EngineArgs, passed on unchanged and on top of ours.
    extra: dict[str, Any] = {}
