"""Write the cards of all stand-ins from what train.py and evaluate.py recorded beside the weights.

python cards.py

Each folder has stand-in.json (how it was made) and evaluation.json (what it was measured at); the card is its
README.md. The table of all of them goes into the README.md above, between its two marks.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

_HOME = Path(__file__).parent.parent
_STAND_INS = ("phi", "llama", "mistral", "llama3", "qwen3", "gemma4")
_ADAPTER = "ranch-hand"
_TEXTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "cards.toml").read_text("utf-8"))
_MARK = "<!-- evaluation -->\n"


def read(folder: str, name: str) -> dict[str, Any]:
    """A record of a folder."""
    record: dict[str, Any] = json.loads((_HOME / folder / name).read_text("utf-8"))
    return record


def table(columns: dict[str, dict[str, str]]) -> str:
    """The rows of several evaluations side by side."""
    names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
    lines = [f"| measure | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(rows.get(name, '') for rows in columns.values())} |" for name in names]
    return "\n".join(lines) + "\n"


def samples(shown: dict[str, str], before: dict[str, str] | None = None) -> str:
    """Questions and greedy answers as a list; with `before`, the answers without the adapter too."""
    lines = []
    for question, answer in shown.items():
        lines.append(f"- {_code(question)}")
        if before:
            lines.append(f"  - without: {_code(before[question])}")
        lines.append(f"  - {'with: ' if before else ''}{_code(answer)}")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """The text as inline code on one line."""
    fence = "```` " if "``" in text else "`"
    return f"{fence}{text.replace(chr(10), chr(0x21B5))}{fence[::-1]}"


def card(folder: str) -> str:
    """The card of a checkpoint."""
    made, measured = read(folder, "stand-in.json"), read(folder, "evaluation.json")
    facts: dict[str, Any] = {
        "kibibytes": (_HOME / folder / "model.safetensors").stat().st_size // 1024,
        "folder": folder,
    }
    model = _TEXTS["models"][folder]
    facts |= _stages(made)
    kind = "chat" if "tools" in model else "checkpoint"
    text = str(_TEXTS[kind]).format(**made, **facts, **model)
    return f"{text}\n{table({folder: measured['rows']})}\n{_shown(kind)}\n{samples(measured['samples'])}"


def _stages(made: dict[str, Any]) -> dict[str, Any]:
    """What all stages of a training say together: `before` is the record of the one that it went on from."""
    stages = [made]
    while "before" in stages[0]:
        stages.insert(0, stages[0]["before"])
    command = "    python train.py --arch {arch} --out ../{arch} --steps {steps} --rate {rate} --tokens {tokens} \\\n"
    command += "      --context {context} --vocabulary {vocabulary} --seed {seed} --compile"
    lines = [command.format(**stage) for stage in stages]
    lines[1:] = [line.replace(" --steps", f" --start ../{made['arch']} --steps") for line in lines[1:]]
    return {
        "commands": "\n".join(lines),
        "all_steps": sum(stage["steps"] for stage in stages),
        "all_seconds": sum(stage["seconds"] for stage in stages),
        "changed": str(_TEXTS["changed"]) if len(stages) > 1 else "",
    }


def _shown(kind: str) -> str:
    return str(_TEXTS["samples"]).format(last=_TEXTS["last"][kind].strip())


def adapter_card() -> str:
    """The card of the adapter."""
    made, measured = read(_ADAPTER, "stand-in.json"), read(_ADAPTER, "evaluation.json")
    before = read("mistral", "evaluation.json")
    kibibytes = (_HOME / _ADAPTER / "adapter_model.safetensors").stat().st_size // 1024
    text = str(_TEXTS["adapter"]).format(**made, kibibytes=kibibytes)
    columns = {"mistral": before["rows"], "with the adapter": measured["rows"]}
    return f"{text}\n{table(columns)}\n{_shown('checkpoint')}\n{samples(measured['samples'], before['samples'])}"


def main() -> None:
    """Write the cards and the table."""
    for folder in _STAND_INS:
        (_HOME / folder / "README.md").write_text(card(folder), "utf-8")
    (_HOME / _ADAPTER / "README.md").write_text(adapter_card(), "utf-8")
    readme = _HOME / "README.md"
    head, _, tail = readme.read_text("utf-8").split(_MARK)
    rows = table({folder: read(folder, "evaluation.json")["rows"] for folder in _STAND_INS})
    readme.write_text(f"{head}{_MARK}{rows}{_MARK}{tail}", "utf-8")


if __name__ == "__main__":
    main()
