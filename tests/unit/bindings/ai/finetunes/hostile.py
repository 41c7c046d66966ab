"""Files that are no adapter of the Mistral stand-in: two hundred and more, each with what its refusal has to name."""

import io
import json
import pickle
import zipfile
from typing import NamedTuple

from .adapters import CONFIG, GOOD_CONFIG, GOOD_SHAPES, MODULE, RANCH_HAND, WEIGHTS, config, framed, weights

_A, _B = GOOD_SHAPES
_WHOLE = (RANCH_HAND / WEIGHTS).read_bytes()
_DEEP = b"[" * 100_000


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("adapter_model/data.pkl", bytes(10_000_000))
    return file.getvalue()


def header(**tensor: object) -> bytes:
    """Weights whose one tensor is described like this."""
    whole = {"dtype": "F32", "shape": [2, 192], "data_offsets": [0, 1536]} | tensor
    return framed(json.dumps({_A: whole}).encode(), bytes(1536))


CONFIGS = {
    "empty": (b"", "adapter_config.json"),
    "no JSON": (b"r = 8", "malformed"),
    "a list": (b"[]", "Expected `object`"),
    "deep": (b'{"r": 8, "x": ' + _DEEP, "adapter_config.json"),
    "UTF-16": (json.dumps(GOOD_CONFIG).encode("utf-16"), "adapter_config.json"),
    **{f"without {name}": (config(**{name: "-"}), name) for name in GOOD_CONFIG if name != "peft_type"},
    **{f"rank {rank}": (config(r=rank), "rank of 1 to 32") for rank in (0, -1, 33, 64, 4096, 10**12)},
    "rank in a pattern": (config(rank_pattern={"q_proj": 4096}), "rank of 1 to 32"),
    "rank as text": (config(r="8"), "$.r"),
    "rank as fraction": (config(r=8.5), "$.r"),
    "alpha too large": (config(lora_alpha=1e300), "lora_alpha: expected at most 1000000"),
    "alpha too small": (config(lora_alpha=-1e300), "lora_alpha"),
    "alpha in a pattern": (config(alpha_pattern={"q_proj": 1e300}), "lora_alpha"),
    "alpha pattern as text": (config(alpha_pattern="q_proj"), "$.alpha_pattern"),
    "scaling as text": (config(use_rslora="maybe"), "$.use_rslora"),
    "another method": (config(peft_type="IA3"), 'expected "LORA"'),
    "another task": (config(task_type="SEQ_CLS"), 'expected "CAUSAL_LM"'),
    "DoRA": (config(use_dora=True), "use_dora"),
    "bias": (config(bias="all"), "bias"),
    "whole modules": (config(modules_to_save=["lm_head"]), "modules_to_save"),
    "no targets": (config(target_modules=[]), "target_modules"),
    "a pattern that takes for ever": (config(alpha_pattern={"(([a-z_.0-9])+)+!": 1}), "names of modules"),
    "a rank pattern that takes for ever": (config(rank_pattern={"(.*)*(.*)*(.*)*x": 2}), "names of modules"),
    "a long pattern": (config(rank_pattern={"a" * 201: 2}), "names of modules"),
    "another beginning": (config(init_lora_weights="pissa"), "changes the base model's own weights"),
    "bias of its own": (config(lora_bias=True), "lora_bias"),
    "layers twice": (config(layer_replication=[[0, 2], [0, 2]]), "layer_replication"),
    "called by a word": (config(alora_invocation_tokens=[1]), "alora_invocation_tokens"),
    "quantised": (config(use_qalora=True), "use_qalora"),
    "targets as number": (config(target_modules=7), "target_modules"),
}
FILES = {
    "empty": b"",
    "seven bytes": bytes(7),
    "zeros": bytes(4096),
    "a pickle": pickle.dumps({"weights": [1.0] * 100}),
    "a zip bomb": zip_bomb(),
    "text": b"these are the weights, honestly",
    "huge header claimed": framed(b"{}", claimed=2**63),
    "header of 2**64 - 1": framed(b"{}", claimed=2**64 - 1),
    "header over the limit": framed(b"{" + b" " * 4_000_001 + b"}"),
    "header is a list": framed(b"[]"),
    "header is null": framed(b"null"),
    "header is deep": framed(_DEEP),
    "header is no UTF-8": framed(b"\xff\xfe\xff"),
    "no tensors": framed(b"{}"),
    "only metadata": framed(b'{"__metadata__": {"format": "pt"}}'),
    "bytes behind the end": weights() + b"x",
    **{f"cut at {at}": _WHOLE[:at] for at in range(1, len(_WHOLE), len(_WHOLE) // 120)},
    "shape missing": framed(json.dumps({_A: {"dtype": "F32", "data_offsets": [0, 0]}}).encode()),
    "shape negative": header(shape=[-2, -192]),
    "shape of zero": header(shape=[0, 192], data_offsets=[0, 0]),
    "shape as text": header(shape="2x192"),
    "shape of fractions": header(shape=[2.0, 192.5]),
    "shape too large": header(shape=[2**40, 2**40]),
    "shape empty": header(shape=[]),
    "offsets reversed": header(data_offsets=[1536, 0]),
    "offsets with a gap": header(data_offsets=[8, 1544]),
    "offsets negative": header(data_offsets=[-8, 1536]),
    "offsets as text": header(data_offsets=["0", "1536"]),
    "one offset": header(data_offsets=[1536]),
    "overlapping": framed(
        json.dumps(
            {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 1536]} for name, shape in GOOD_SHAPES.items()}
        ).encode(),
        bytes(1536),
    ),
    **{f"dtype {dtype}": header(dtype=dtype) for dtype in ("I8", "U8", "BOOL", "F8_E4M3", "object", "", "os.system")},
}
#: What is a safetensors file, and no adapter of this model.
MISFITS = {
    "B missing": {_A: [2, 192]},
    "A missing": {_B: [192, 2]},
    "ranks differ": {_A: [2, 192], _B: [192, 3]},
    "rank not the configured": {_A: [4, 192], _B: [192, 4]},
    "rank 4096": {_A: [4096, 192], _B: [192, 4096]},
    "inputs of another model": {_A: [2, 4096], _B: [192, 2]},
    "outputs of another model": {_A: [2, 192], _B: [4096, 2]},
    "a module too many": {**GOOD_SHAPES, f"{MODULE[:-6]}k_proj.lora_A.weight": [2, 192]},
    "no target": {name.replace("q_proj", "o_proj"): shape for name, shape in GOOD_SHAPES.items()},
    "a layer too many": {name.replace("layers.0", "layers.99"): shape for name, shape in GOOD_SHAPES.items()},
    "another prefix": {name.removeprefix("base_model."): shape for name, shape in GOOD_SHAPES.items()},
    "names that are paths": {f"../../{name}": shape for name, shape in GOOD_SHAPES.items()},
    "whole weights": {f"{MODULE}.weight": [192, 192]},
    "embeddings": {
        "base_model.model.model.embed_tokens.lora_embedding_A": [2, 1024],
        "base_model.model.model.embed_tokens.lora_embedding_B": [192, 2],
    },
    "vectors": {_A: [2], _B: [2]},
}
NAMES = [
    "adapter_model.bin",
    "adapter_model.pt",
    "adapter_model.safetensors.index.json",
    "pytorch_model.bin",
    "../adapter_config.json",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "adapter_config.json/../../x",
    "..\\adapter_config.json",
    "ADAPTER_CONFIG.JSON",
    "adapter_config.json\0.bin",
    "adapter_config.json ",
    "",
    "x" * 5000,
    ".",
    "..",
]


class Hostile(NamedTuple):
    """An upload to a finetune whose other file, if there is one, is good."""

    file_name: str
    content: bytes
    #: In the text of the refusal.
    said: str
    #: What is uploaded before, and accepted.
    other: tuple[str, bytes] | None = None


def uploads() -> list[Hostile]:
    """All of them."""
    return [
        *(Hostile(CONFIG, content, said) for content, said in CONFIGS.values()),
        *(Hostile(WEIGHTS, content, WEIGHTS) for content in FILES.values()),
        *(Hostile(WEIGHTS, weights(shapes), WEIGHTS, (CONFIG, config())) for shapes in MISFITS.values()),
        *(Hostile(name, config(), "file_name") for name in NAMES),
    ]
