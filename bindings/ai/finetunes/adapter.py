"""Whether two files are a LoRA adapter that a model can run. Only JSON is read, of the weights only their header.

Source: developer docs, "Using LoRA adapters"; PEFT's adapter_config.json; WA-142.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.checkpoint import CheckpointBroken, safetensors_header
from paddock.bindings.errors import FinetuneRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["CONFIG", "FILES", "MAX_RANK", "WEIGHTS", "AdapterConfig", "check_config", "check_fit", "check_weights"]

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
#: The files of an adapter, and how many bytes each may have. The first limit is ours, the second production's.
FILES: Final[Mapping[str, int]] = {CONFIG: 1_000_000, WEIGHTS: 300_000_000}
MAX_RANK: Final = 32
#: Ours, far above any that is in use: it scales the weights, and 1e300 times them are no numbers any more.
_MAX_ALPHA: Final = 1_000_000
#: What `model_type` may be in production; the model's own type is right as well.
_MODEL_TYPES: Final = ("mistral", "gemma", "llama")
#: An adapter of a 70B model has a header of 200 kB.
_MAX_HEADER_BYTES: Final = 4_000_000
#: What has to be so where it is said at all: vLLM runs nothing else, and says so when the adapter is used first.
_WANTED: Final[Mapping[str, object]] = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "bias": "none",
    "use_dora": False,
    "modules_to_save": None,
    "lora_bias": False,
    "layer_replication": None,
    "alora_invocation_tokens": None,
    "use_qalora": False,
    "use_bdlora": None,
}
_INITS: Final = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
#: To PEFT and vLLM, the keys of patterns are regular expressions, and one can take for ever: `(a+)+`. A name cannot.
_MODULE: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")
#: Characters of a value that a refusal shows.
_SHOWN: Final = 200
_SIZES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
#: Of a tensor's name: what PEFT puts before the model's own names.
_PREFIX: Final = "base_model.model."
_HALVES: Final = (".lora_A.weight", ".lora_B.weight")


class AdapterConfig(msgspec.Struct, frozen=True):
    """What is read of adapter_config.json; the names are PEFT's, but for `model_type`, which production asks for."""

    model_type: str
    r: int
    lora_alpha: float
    target_modules: list[str] | str
    task_type: str
    peft_type: str = "LORA"
    bias: str = "none"
    use_dora: bool = False
    use_rslora: bool = False
    modules_to_save: list[str] | None = None
    rank_pattern: dict[str, int] | None = None
    alpha_pattern: dict[str, float] | None = None
    lora_bias: bool = False
    init_lora_weights: bool | str | None = None
    layer_replication: object = None
    alora_invocation_tokens: object = None
    use_qalora: bool = False
    use_bdlora: object = None

    @property
    def ranks(self) -> tuple[int, ...]:
        """Every rank that it names."""
        return (self.r, *(self.rank_pattern or {}).values())


class _Tensor(msgspec.Struct, frozen=True):
    """A row of the header of a safetensors file."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def check_config(content: bytes) -> AdapterConfig:
    """The configuration of an adapter. Raises FinetuneRefused with what was expected."""
    try:
        config = msgspec.json.decode(content, type=AdapterConfig)
    except (msgspec.MsgspecError, RecursionError) as error:
        types = f"; it is one of {', '.join(_MODEL_TYPES)}" if "`model_type`" in str(error) else ""
        raise FinetuneRefused(f"{CONFIG}: {error}{types}") from error
    for name, value in _WANTED.items():
        if (got := getattr(config, name)) != value and got not in ([], ""):
            raise FinetuneRefused(f"{CONFIG}: {name}: expected {_json(value)}; got {_json(got)[:_SHOWN]}")
    if isinstance(config.init_lora_weights, str) and config.init_lora_weights.lower() not in _INITS:
        raise FinetuneRefused(
            f"{CONFIG}: init_lora_weights: expected true, or one of {', '.join(_INITS)}; "
            f"got {_json(config.init_lora_weights)[:_SHOWN]}, which changes the base model's own weights"
        )
    for pattern in (*(config.rank_pattern or {}), *(config.alpha_pattern or {})):
        if not _MODULE.fullmatch(pattern):
            raise FinetuneRefused(
                f"{CONFIG}: rank_pattern, alpha_pattern: expected names of modules; got {_json(pattern)[:_SHOWN]}"
            )
    for rank in config.ranks:
        if not 1 <= rank <= MAX_RANK:
            raise FinetuneRefused(f"{CONFIG}: r: expected a rank of 1 to {MAX_RANK}; got {rank}")
    for alpha in (config.lora_alpha, *(config.alpha_pattern or {}).values()):
        if abs(alpha) > _MAX_ALPHA:
            raise FinetuneRefused(f"{CONFIG}: lora_alpha: expected at most {_MAX_ALPHA}; got {alpha}")
    if not config.target_modules:
        raise FinetuneRefused(f"{CONFIG}: target_modules: expected the names of modules; got none")
    return config


def check_weights(file: Path) -> dict[str, list[int]]:
    """Name -> shape of the tensors of an adapter's weights. Raises FinetuneRefused for what is no such file."""
    try:
        header = safetensors_header(file, max_header_bytes=_MAX_HEADER_BYTES)
        tensors = msgspec.convert(header, dict[str, _Tensor])
    except (CheckpointBroken, msgspec.ValidationError, RecursionError) as error:
        said = str(error).removeprefix(f"{file} ")
        raise FinetuneRefused(f"{WEIGHTS}: expected a safetensors file: {said}") from error
    if not tensors:
        raise FinetuneRefused(f"{WEIGHTS}: expected the tensors of an adapter; got none")
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        if tensor.dtype not in _SIZES:
            raise FinetuneRefused(f"{WEIGHTS}: {name}: expected one of {', '.join(_SIZES)}; got {tensor.dtype}")
        bytes_ = prod(tensor.shape) * _SIZES[tensor.dtype]
        if min(tensor.shape, default=0) < 1 or tensor.data_offsets != (end, end + bytes_):
            raise FinetuneRefused(
                f"{WEIGHTS}: {name}: expected {bytes_} bytes for the shape {tensor.shape} behind the tensor before it; "
                f"got the bytes {tensor.data_offsets[0]} to {tensor.data_offsets[1]}"
            )
        end += bytes_
    return {name: tensor.shape for name, tensor in tensors.items()}


def check_fit(config: AdapterConfig, tensors: Mapping[str, list[int]], base: Path) -> None:
    """Raises FinetuneRefused unless the adapter is one of the model in the folder `base`: type, modules, shapes, ranks.

    Raises CheckpointBroken and OSError for a model that cannot be read.
    """
    model_type = msgspec.json.decode((base / "config.json").read_bytes())["model_type"]
    if not (config.model_type in _MODEL_TYPES and model_type.startswith(config.model_type)) and (
        config.model_type != model_type
    ):
        raise FinetuneRefused(
            f"{CONFIG}: model_type: expected the base model's, {model_type}; got {_json(config.model_type)}"
        )
    shapes = {_place(name.removesuffix(".weight")): shape for name, shape in _model_tensors(base)}
    for module, rank, outer in _pairs(tensors):
        if rank not in config.ranks:
            raise FinetuneRefused(f"{WEIGHTS}: {module}: expected the rank {config.r} of {CONFIG}; got {rank}")
        if not _is_target(module, config.target_modules):
            raise FinetuneRefused(f"{WEIGHTS}: {module}: is none of the target_modules of {CONFIG}")
        shape = shapes.get(_place(module))
        if shape is None:
            raise FinetuneRefused(f"{WEIGHTS}: {module}: the base model has no such module")
        if shape != outer:
            raise FinetuneRefused(
                f"{WEIGHTS}: {module}: expected the base model's shape, {shape}; got {outer}",
                hint=f"The model runs on {base.name} here, and its adapters must be trained for exactly that.",
            )


def _pairs(tensors: Mapping[str, list[int]]) -> Iterable[tuple[str, int, list[int]]]:
    """(module, rank, [outputs, inputs]) of each adapted module. Raises FinetuneRefused for what is no such pair."""
    a, b = _HALVES
    modules = dict.fromkeys(name.removesuffix(a).removesuffix(b) for name in tensors)
    for module in modules:
        down, up = tensors.get(module + a), tensors.get(module + b)
        if down is None or up is None or not module.startswith(_PREFIX):
            raise FinetuneRefused(
                f"{WEIGHTS}: expected tensors named {_PREFIX}...{a} and {_PREFIX}...{b} in pairs; got {module}"
            )
        if len(down) != 2 or len(up) != 2 or down[0] != up[1]:
            raise FinetuneRefused(
                f"{WEIGHTS}: {module}: expected shapes (r, inputs) and (outputs, r); got {down} and {up}"
            )
        yield module.removeprefix(_PREFIX), down[0], [up[0], down[1]]


def _model_tensors(base: Path) -> Iterable[tuple[str, list[int]]]:
    for file in sorted(base.glob("*.safetensors")):
        for name, tensor in safetensors_header(file).items():
            yield name, tensor["shape"]


def _place(module: str) -> str:
    """A module without what wrappers put before it: models with several parts name their layers differently."""
    return module[module.find("layers.") :] if "layers." in module else module


def _is_target(module: str, targets: list[str] | str) -> bool:
    """As PEFT reads it: a text is an expression or `all-linear`, which is not ours to run."""
    return isinstance(targets, str) or any(module == target or module.endswith(f".{target}") for target in targets)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
