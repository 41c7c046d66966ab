"""Uploads that are no adapter: each is refused, with the reason, and leaves nothing behind."""

import io
import json
import pickle
import struct
import zipfile

import pytest

from .adapters import CONFIG, GOOD_CONFIG, GOOD_SHAPES, MISTRAL, MODULE, RANCH_HAND, WEIGHTS, config, framed, weights
from .conftest import Account

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


@pytest.fixture
def open_account(account: Account) -> Account:
    account.create(MISTRAL, "mine")
    return account


def refused(account: Account, file_name: str, content: bytes, status: int = 400) -> str:
    """The text of the refusal; afterwards no file is left, and the finetune takes a good one."""
    before = account.files()
    answered, body = account.upload("mine", file_name, content)
    assert (answered, body["success"]) == (status, False)
    assert account.files() == before
    return str(body["errors"][0]["message"])


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS)
def test_no_configuration(open_account: Account, content: tuple[bytes, str]) -> None:
    """WA-142"""
    assert content[1] in refused(open_account, CONFIG, content[0])
    assert open_account.upload("mine", CONFIG, config())[0] == 200


def test_what_model_type_may_be_is_said(open_account: Account) -> None:
    """WA-142"""
    assert "mistral, gemma, llama" in refused(open_account, CONFIG, config(model_type="-"))


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_no_weights(open_account: Account, content: bytes) -> None:
    assert WEIGHTS in refused(open_account, WEIGHTS, content)
    assert open_account.upload("mine", WEIGHTS, weights())[0] == 200


@pytest.mark.parametrize("is_config_first", [True, False], ids=["weights last", "configuration last"])
@pytest.mark.parametrize("shapes", MISFITS.values(), ids=MISFITS)
def test_no_adapter_of_this_model(
    open_account: Account, shapes: dict[str, list[int]], *, is_config_first: bool
) -> None:
    files = [(CONFIG, config()), (WEIGHTS, weights(shapes))]
    first, last = files if is_config_first else files[::-1]
    assert open_account.upload("mine", *first)[0] == 200
    assert WEIGHTS in refused(open_account, *last)


@pytest.mark.parametrize("model_type", ["gemma", "llama", "gpt2", ""])
def test_another_base_model(open_account: Account, model_type: str) -> None:
    open_account.upload("mine", WEIGHTS, weights())
    assert "expected the base model's, mistral" in refused(open_account, CONFIG, config(model_type=model_type))


@pytest.mark.parametrize("name", NAMES)
def test_no_file_of_an_adapter(open_account: Account, name: str) -> None:
    """WA-143"""
    assert "file_name" in refused(open_account, name, config())


def test_too_many_bytes(open_account: Account) -> None:
    refused(open_account, CONFIG, config(padding="x" * 1_000_000), status=413)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\nx'),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"a: b\r\n" * 1000 + b"\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n\r\n' * 99),
        ("multipart/form-data; boundary=b", struct.pack("<Q", 99) * 99),
    ],
)
def test_no_form(open_account: Account, content_type: str, body: bytes) -> None:
    status, answer = open_account.ask("POST", "/finetunes/mine/finetune-assets", body, content_type)
    assert (status, answer["success"]) == (400, False)
    assert open_account.files() == [".gitignore"]


def test_no_finetune_of_this_name(account: Account) -> None:
    status, body = account.upload("theirs", CONFIG, config())
    assert (status, body["errors"][0]["code"]) == (404, 3037)
