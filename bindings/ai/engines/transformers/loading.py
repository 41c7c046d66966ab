"""Which models transformers runs here, and how they are loaded. Imports torch and transformers only in functions."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from paddock.bindings.ai.engines.frames import Phase, Progress, Ready
from paddock.bindings.ai.engines.transformers.engine import OneShot, TransformersEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.engines.link import ServerLink
    from paddock.bindings.ai.engines.parsers import Parsers
    from paddock.bindings.ai.engines.settings import EngineSettings
    from paddock.bindings.ai.engines.steploop import StepEngine

__all__ = ["Place", "load", "model_class"]

#: Architecture in a checkpoint's config.json -> the class that runs it. Everything else is vLLM's.
_CLASSES: Final = {
    "DistilBertForSequenceClassification": "classifier.Classifier",
    "BartForConditionalGeneration": "rewriter.Rewriter",
    "M2M100ForConditionalGeneration": "rewriter.Rewriter",
    "LlavaForConditionalGeneration": "describer.Describer",
    # vLLM runs it, but tells no times of words, which the answers of Workers AI have.
    "WhisperForConditionalGeneration": "listener.Listener",
}
#: Conversations with pictures, which more than one architecture holds.
_TALKER: Final = "talker.Talker"
#: vLLM had it once, and gave it up for its cross-attention (0.11).
_NOT_OF_VLLM: Final = ("MllamaForConditionalGeneration",)


class Place(NamedTuple):
    """Where a model comes from and goes to. `dtype` is torch's; `most_tokens` what the settings allow, if they do."""

    folder: str
    device: str
    dtype: Any
    most_tokens: int | None = None

    def within(self, own: int) -> int:
        """The model's own number of tokens, or what the settings allow."""
        return own if self.most_tokens is None else min(own, self.most_tokens)


def model_class(folder: str, *, is_talker: bool) -> str | None:
    """The class that runs the checkpoint in this folder; None where vLLM does.

    `is_talker`: it is to write text, and not to make vectors or scores, which models that see can do as well. vLLM's
    models that see import torchvision, which has no build for every machine that vLLM has one for.
    """
    config = json.loads(Path(folder, "config.json").read_bytes())
    architectures = config.get("architectures") or []
    found = next((_CLASSES[name] for name in architectures if name in _CLASSES), None)
    if found is not None or not is_talker or "vision_config" not in config:
        return found
    is_of_vllm = not any(name in _NOT_OF_VLLM for name in architectures)
    return None if is_of_vllm and importlib.util.find_spec("torchvision") is not None else _TALKER


def load(
    link: ServerLink, settings: EngineSettings, name: str, make_parsers: Callable[[Any], Parsers] | None
) -> tuple[StepEngine, Ready]:
    """Load the model that the settings name with the class `name`.

    `make_parsers` makes the parsers of what it writes, of its tokenizer; None where it only writes text.
    """
    began = time.monotonic()
    link.send(Progress("import"))
    import torch
    import transformers

    device = "cuda" if torch.cuda.is_available() and settings.device != "cpu" else "cpu"
    given = None if settings.dtype == "auto" else getattr(torch, settings.dtype)
    dtype = given or (torch.float32 if device == "cpu" else torch.float16)
    imported = time.monotonic()
    link.send(Progress("model"))
    module, _, kind = name.partition(".")
    make = getattr(importlib.import_module(f"paddock.bindings.ai.engines.transformers.{module}"), kind)
    place = Place(settings.model_path, device, dtype, settings.max_model_len)
    model = make(place, settings, make_parsers) if name == _TALKER else make(place)
    engine = model if name == _TALKER else TransformersEngine(cast("OneShot", model))
    seconds: dict[Phase, float] = {"import": imported - began, "model": time.monotonic() - imported}
    return engine, Ready(
        pid=os.getpid(),
        vllm=f"none (transformers {transformers.__version__})",
        torch=str(torch.__version__),
        device=device,
        dtype=str(dtype).removeprefix("torch."),
        max_model_len=model.context_tokens,
        max_num_seqs=model.most_at_once,
        kv_cache_tokens=0,
        seconds=seconds,
    )
