"""The check of an adapter before the engine sees it, and the bound on active ones."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.engines.adapters import AdapterRefused, AdapterSlots, Slot, check_adapter
from paddock.bindings.ai.engines.protocol import Adapter

if TYPE_CHECKING:
    from pathlib import Path


def _write(folder: Path, config: Any = None, *, tensor_rank: int = 8) -> Adapter:
    folder.mkdir(exist_ok=True)
    folder.joinpath("adapter_config.json").write_text(json.dumps({"r": 8} if config is None else config))
    header = json.dumps({"q.lora_A.weight": {"dtype": "F32", "shape": [tensor_rank, 2], "data_offsets": [0, 0]}})
    folder.joinpath("adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header.encode())
    return Adapter(folder.name, str(folder))


def test_adapter_that_fits_has_a_fingerprint_that_stays(tmp_path: Path) -> None:
    adapter = _write(tmp_path)
    assert check_adapter(adapter, 8) == check_adapter(adapter, 8)


def test_new_content_has_another_fingerprint(tmp_path: Path) -> None:
    before = check_adapter(_write(tmp_path), 8)
    assert check_adapter(_write(tmp_path, {"r": 4}, tensor_rank=4), 8) != before


@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors"])
def test_missing_file_is_a_missing_adapter(tmp_path: Path, file: str) -> None:
    adapter = _write(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(AdapterRefused, match=f"has no {file}") as caught:
        check_adapter(adapter, 8)
    assert caught.value.kind == "lora_missing"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"r": 64}, "expected a rank of 1 to 8, got 64"),
        ({"r": 0}, "expected a rank of 1 to 8, got 0"),
        ({"r": 8, "rank_pattern": {"q_proj": 32}}, "got 32"),
        ({"r": 8, "peft_type": "IA3"}, 'expected peft_type "LORA", got "IA3"'),
        ({"peft_type": "LORA"}, r"adapter_config.json: .*`r`"),
    ],
)
def test_configuration_that_does_not_fit_is_refused(tmp_path: Path, config: dict[str, Any], text: str) -> None:
    with pytest.raises(AdapterRefused, match=text):
        check_adapter(_write(tmp_path, config), 8)


def test_rank_of_the_tensors_counts_whatever_the_configuration_says(tmp_path: Path) -> None:
    with pytest.raises(AdapterRefused, match="got 16"):
        check_adapter(_write(tmp_path, {"r": 8}, tensor_rank=16), 8)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 4) + b"nope"])
def test_broken_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    adapter = _write(tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(AdapterRefused, match="is not a whole safetensors file"):
        check_adapter(adapter, 8)


class _Log:
    """Slots of a given number, and what was loaded and unloaded."""

    def __init__(self, count: int) -> None:
        self.events: list[str] = []
        self.slots = AdapterSlots(count, 8, load=self._load, unload=self._unload)

    def _load(self, slot: Slot) -> None:
        self.events.append(f"+{slot.name}{slot.id}")

    def _unload(self, slot: Slot) -> None:
        self.events.append(f"-{slot.name}{slot.id}")


def test_adapter_is_loaded_once(tmp_path: Path) -> None:
    log = _Log(1)
    adapter = _write(tmp_path / "a")
    assert log.slots.take(adapter) is log.slots.take(adapter)
    assert log.events == ["+a1"]


def test_idle_adapter_makes_room_and_its_id_is_not_used_again(tmp_path: Path) -> None:
    log = _Log(1)
    for name in ("a", "b", "a"):
        slot = log.slots.take(_write(tmp_path / name))
        assert slot is not None
        slot.users -= 1
    assert log.events == ["+a1", "-a1", "+b2", "-b2", "+a3"]


def test_least_recently_used_adapter_goes_first(tmp_path: Path) -> None:
    log = _Log(2)
    a, b, c = (_write(tmp_path / name) for name in "abc")
    for adapter in (a, b, a, c):
        slot = log.slots.take(adapter)
        assert slot is not None
        slot.users -= 1
    assert log.slots.names == ("a", "c")


def test_adapter_in_use_is_never_taken_out(tmp_path: Path) -> None:
    log = _Log(1)
    assert log.slots.take(_write(tmp_path / "a")) is not None
    assert log.slots.take(_write(tmp_path / "b")) is None
    assert log.slots.names == ("a",)
