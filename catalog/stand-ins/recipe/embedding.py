"""Make the embedding stand-ins: models that are constructed, not trained.

python embedding.py bge ../bge

Every word piece has a random direction, and a weight that is smaller the more texts it stands in. One layer of uniform
attention adds the mean of a text's pieces to each of them, the rest of the layer is zero. So a vector is a weighted bag
of word pieces: texts that share rare words are near each other, in whatever order they have them, and those that share
none are at right angles. The first two dimensions carry what a common piece lacks in weight, and the last norm drops
them.
"""

import argparse
import json
import math
from collections import Counter
from pathlib import Path

import torch
from embedding_tokenizers import make_tokenizer
from formats import FORMATS
from generate import make_world
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertModel,
    Gemma3TextConfig,
    Gemma3TextModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    XLMRobertaConfig,
    XLMRobertaModel,
)

__all__ = ["corpus", "token_vectors"]

HIDDEN, HEADS, MLP, VOCABULARY, SEED, TEXTS = 128, 4, 32, 4096, 1, 20_000
#: The dimensions that hold what a token lacks in weight, with opposite signs: layer norms subtract the mean.
COMMON = 2
#: No weight is smaller than this; a piece of a single letter has at most the second.
LEAST, LETTER = 0.05, 0.25
#: The weight of the marks at the ends of a text.
MARK = 0.004

_SHAPE = {
    "hidden_size": HIDDEN,
    "num_attention_heads": HEADS,
    "num_hidden_layers": 1,
    "intermediate_size": MLP,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_CAUSAL = {
    "hidden_size": HIDDEN,
    "num_attention_heads": HEADS,
    "num_key_value_heads": HEADS,
    "head_dim": HIDDEN // HEADS,
    "num_hidden_layers": 1,
    "intermediate_size": MLP,
}


def corpus(count: int = TEXTS, seed: int = SEED) -> list[str]:
    """Texts of the small world that all stand-ins know, in lower case."""
    world = make_world(FORMATS["phi"], seed)
    return [" ".join(text for turn in world.sample().turns for text in turn).lower() for _ in range(count)]


def token_vectors(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> Tensor:
    """[vocabulary, HIDDEN] of unit length: a random direction by the piece's weight, the rest in the common part."""
    seen = Counter(id for text in texts for id in set(tokenizer(text, add_special_tokens=False)["input_ids"]))
    generator = torch.Generator().manual_seed(SEED)
    directions = torch.randn(len(tokenizer), HIDDEN - COMMON, generator=generator)
    directions = nn.functional.normalize(directions - directions.mean(1, keepdim=True), dim=1)
    most = math.log(len(texts))
    weights = []
    for piece, id in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        weight = max(LEAST, math.log(len(texts) / (1 + seen[id])) / most)
        letters = piece.replace("##", "").replace("\u2581", "")
        is_special = id in tokenizer.all_special_ids
        # Not nothing: a text without a piece has a vector of its own.
        weights.append(MARK if is_special else min(weight, LETTER) if len(letters) < 2 else min(weight, 1.0))
    weight = torch.tensor(weights)[:, None]
    common = (1 - weight**2).sqrt() / math.sqrt(2)
    return torch.cat([common, -common, directions * weight], dim=1)


def _config(arch: str, size: int, pad: int) -> PreTrainedConfig:
    ids = {"vocab_size": size, "pad_token_id": pad}
    match arch:
        case "bge":
            return BertConfig(**_SHAPE, **ids, max_position_embeddings=512, type_vocab_size=2)
        case "bge-m3":
            ends = {"bos_token_id": 0, "eos_token_id": 2}
            return XLMRobertaConfig(**_SHAPE, **ids, **ends, max_position_embeddings=8194, type_vocab_size=1)
        case "qwen3-embedding":
            ends = {"bos_token_id": pad, "eos_token_id": pad, "tie_word_embeddings": True}
            return Qwen3Config(**_CAUSAL, **ids, **ends, max_position_embeddings=32768)
        case _:
            more = {"bos_token_id": 2, "eos_token_id": 1, "max_position_embeddings": 2048, "sliding_window": 512}
            scalar = HIDDEN // HEADS
            return Gemma3TextConfig(
                **_CAUSAL, **ids, **more, query_pre_attn_scalar=scalar, use_bidirectional_attention=True
            )


_CLASSES: dict[str, type[PreTrainedModel]] = {
    "bge": BertModel,
    "bge-m3": XLMRobertaModel,
    "qwen3-embedding": Qwen3ForCausalLM,
    "embeddinggemma": Gemma3TextModel,
}
#: How the published checkpoints pool, as their own modules say.
_POOLING = {"bge": "cls", "bge-m3": "cls", "qwen3-embedding": "lasttoken", "embeddinggemma": "mean"}
_WORDS = ("word_embeddings.weight", "embed_tokens.weight")
_IDENTITIES = ("value.weight", "attention.output.dense.weight", "v_proj.weight", "o_proj.weight")
#: The norm behind the layer: in Bert the last one of the layer, elsewhere the model's own.
_LAST_NORMS = ("layer.0.output.LayerNorm.weight", "norm.weight")


def construct(arch: str, vectors: Tensor, config: PreTrainedConfig) -> PreTrainedModel:
    """The model with these token vectors."""
    model = _CLASSES[arch](config)
    offset = 1.0 if arch == "embeddinggemma" else 0.0  # its norms multiply by one plus the weight
    with torch.no_grad():
        for name, weight in model.named_parameters():
            is_last = name.endswith(_LAST_NORMS) and "layernorm" not in name and "_norm" not in name
            if name.endswith(_WORDS):
                weight.copy_(vectors)
            elif name.endswith(_IDENTITIES):
                weight.copy_(torch.eye(HIDDEN))
            elif "norm" in name.lower() and name.endswith("weight"):
                weight.fill_(1.0 - offset)
                if is_last:
                    weight[:COMMON] = -offset
            else:
                weight.zero_()
    return model


def save(arch: str, model: PreTrainedModel, folder: Path) -> None:
    """Write the weights in half precision, the configuration, and how vectors are pooled."""
    tied = {name for name in model.state_dict() if name.startswith("lm_head")}
    kept = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items() if name not in tied}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    config = model.config.to_dict() | {"architectures": [type(model).__name__], "dtype": "float16"}
    if arch.startswith("bge"):
        config["position_embedding_type"] = "absolute"  # vLLM asks for it, transformers 5 no longer writes it
    (folder / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    kinds = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules, indent=1) + "\n")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    modes = {f"pooling_mode_{name}": name == _POOLING[arch] for name in ("cls_token", "mean_tokens", "lasttoken")}
    modes |= {"pooling_mode_cls_token": _POOLING[arch] == "cls", "pooling_mode_mean_tokens": _POOLING[arch] == "mean"}
    pooling = {"word_embedding_dimension": HIDDEN, **modes}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling, indent=1) + "\n")


def main() -> None:
    """Make the stand-in that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arch", choices=_CLASSES)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(exist_ok=True)
    texts = corpus()
    tokenizer = make_tokenizer(options.arch, texts, VOCABULARY, options.out)
    config = _config(options.arch, len(tokenizer), tokenizer.pad_token_id)
    save(options.arch, construct(options.arch, token_vectors(tokenizer, texts), config), options.out)


if __name__ == "__main__":
    main()
