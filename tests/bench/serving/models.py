"""Models that never end their answers: copies of the stand-ins without an end of sequence.

Every answer then has exactly the tokens that were asked for, with any server, and every token has a text.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

__all__ = ["CARDS", "PROMPTS", "endless"]

STAND_INS: Final = Path(__file__).resolve().parents[3] / "catalog" / "stand-ins"
#: The catalog's model in whose place the copy runs.
CARDS: Final = {
    "phi": "@cf/microsoft/phi-2",
    "llama": "@cf/meta/llama-2-7b-chat-fp16",
    "mistral": "@cf/mistral/mistral-7b-instruct-v0.2-lora",
    "tiny": "@cf/meta/llama-2-7b-chat-fp16",
}
#: Fewer layers of a stand-in: a step is short then, and what is measured is what stands around it.
_CUT: Final = {"tiny": ("llama", 1)}
_SUBJECTS: Final = ("lighthouses", "harbours", "gardens", "bridges", "clocks", "rivers", "kites", "bread")
#: Raw text, the same for every server, in the models' own prompt formats.
PROMPTS: Final = {
    "phi": [f"Instruct: Tell me about {subject}.\nOutput:" for subject in _SUBJECTS],
    "llama": [f"[INST] Tell me about {subject}. [/INST]" for subject in _SUBJECTS],
    "mistral": [f"[INST] Tell me about {subject}. [/INST]" for subject in _SUBJECTS],
    "tiny": [f"[INST] Tell me about {subject}. [/INST]" for subject in _SUBJECTS],
}


def endless(stand_in: str, folder: Path, **changes: Any) -> Path:
    """A copy of a stand-in below `folder` that stops at no token; `changes` go into its config.json."""
    path = folder / f"endless-{stand_in}"
    source, layers = _CUT.get(stand_in, (stand_in, 0))
    shutil.copytree(STAND_INS / source, path)
    if layers:
        changes["num_hidden_layers"] = layers
        _drop_layers(path / "model.safetensors", layers)
    _edit(path / "config.json", {"eos_token_id": None, **changes})
    _edit(path / "generation_config.json", {"eos_token_id": None})
    _edit(path / "tokenizer_config.json", {"eos_token": None, "pad_token": None})
    tokens = json.loads((path / "tokenizer.json").read_text())["added_tokens"]
    _edit(path / "tokenizer.json", {"added_tokens": [{**token, "special": False} for token in tokens]})
    return path


def _drop_layers(file: Path, layers: int) -> None:
    from safetensors.torch import load_file, save_file

    number = re.compile(r"\blayers\.(\d+)\.")
    tensors = load_file(file)
    kept = {name: value for name, value in tensors.items() if not (m := number.search(name)) or int(m[1]) < layers}
    save_file(kept, file, {"format": "pt"})


def _edit(file: Path, changes: dict[str, Any]) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
