"""Which checkpoints transformers runs, and which are vLLM's."""

import json
from pathlib import Path

import pytest

from paddock.bindings.ai.engines.transformers.loading import model_class


@pytest.mark.parametrize(
    ("config", "is_talker", "expected"),
    [
        ({"architectures": ["DistilBertForSequenceClassification"]}, False, "classifier.Classifier"),
        ({"architectures": ["WhisperForConditionalGeneration"]}, True, "listener.Listener"),
        ({"architectures": ["MllamaForConditionalGeneration"], "vision_config": {}}, True, "talker.Talker"),
        ({"architectures": ["Qwen3VLForConditionalGeneration"], "vision_config": {}}, False, None),
        ({"architectures": ["LlamaForCausalLM"]}, True, None),
        ({}, False, None),
    ],
)
def test_the_architecture_and_the_work_decide(
    tmp_path: Path, config: dict[str, object], is_talker: bool, expected: str | None
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert model_class(str(tmp_path), is_talker=is_talker) == expected
