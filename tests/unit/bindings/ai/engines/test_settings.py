"""What a host is told at its start."""

from __future__ import annotations

import msgspec
import pytest

from paddock.bindings.ai.engines.settings import EngineSettings


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="gpu_memory"):
        msgspec.convert({"model_path": "/m", "served_name": "m", "gpu_memory": 1}, EngineSettings)


@pytest.mark.parametrize(("field", "value"), [("dtype", "int8"), ("device", "tpu")])
def test_dtype_and_device_are_closed_sets(field: str, value: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=value):
        msgspec.convert({"model_path": "/m", "served_name": "m", field: value}, EngineSettings)
