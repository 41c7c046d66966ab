"""Uploads that are no adapter: each is refused, with the reason, and leaves nothing behind."""

import struct

import pytest

from .adapters import CONFIG, MISTRAL, WEIGHTS, config, weights
from .conftest import Account
from .hostile import CONFIGS, FILES, MISFITS, NAMES, uploads


@pytest.fixture
def open_account(account: Account) -> Account:
    account.create(MISTRAL, "mine")
    return account


def test_there_are_two_hundred_of_them() -> None:
    assert len({(each.file_name, each.content) for each in uploads()}) >= 200


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
