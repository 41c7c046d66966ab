"""The parts of the documentation that say what the code says, and the JSON Schema: written from the code.

    .venv/bin/python tests/reference.py          ends with 1 when one of them says anything else
    .venv/bin/python tests/reference.py --write  writes them

Keys of the configuration and their meanings are the fields of the structs in `worker/config/settings.py`,
`config/bindings.py` and `config/wrangler.py`, and the comments (`#:`) above them. Commands and flags are the parsers'.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import sys
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import msgspec

from paddock.worker.cli import COMMANDS
from paddock.worker.cli.arguments import Parser
from paddock.worker.config import bindings, settings, wrangler
from paddock.worker.config.diagnostics import described
from paddock.worker.config.schema import SCHEMA_FILE, make_schema
from paddock.worker.config.settings import PaddockSettings
from paddock.worker.config.wrangler import WranglerKeys

__all__ = ["main", "meanings", "rendered"]

WORKER: Final = Path(__file__).resolve().parents[1] / "worker"
_BEGIN: Final = "<!-- generated: {name} -->"
_END: Final = "<!-- end -->"


def rendered() -> dict[Path, str]:
    """Each file that holds something generated, as it should be."""
    configuration, commands = WORKER / "CONFIGURATION.md", WORKER / "cli" / "COMMANDS.md"
    schema = msgspec.json.format(msgspec.json.encode(make_schema(meanings())), indent=2).decode() + "\n"
    return {
        configuration: _filled(configuration.read_text(), "keys", _keys()),
        commands: _filled(commands.read_text(), "commands", _commands()),
        WORKER / SCHEMA_FILE: schema,
    }


def meanings() -> dict[str, dict[str, str]]:
    """Type -> field -> the comment above it, as one line of Markdown."""
    found: dict[str, dict[str, str]] = {}
    for module in (settings, bindings, wrangler):
        source = Path(str(module.__file__)).read_text()
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
                found[node.name] = {
                    field.target.id: _comment(lines, field.lineno - 2)
                    for field in fields
                    if isinstance(field.target, ast.Name)
                }
    return found


def main(arguments: list[str]) -> int:
    """Write, or name what is out of date. Returns the exit code."""
    stale = [path for path, text in rendered().items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if "--write" in arguments:
            path.write_text(rendered()[path])
        print(f"{path.relative_to(WORKER.parent)}: {'written' if '--write' in arguments else 'out of date'}")
    return 1 if stale and "--write" not in arguments else 0


def _comment(lines: list[str], row: int) -> str:
    """The lines that begin with `#:` and end at this one."""
    found: list[str] = []
    while row >= 0 and (line := lines[row].strip()).startswith("#"):
        found.insert(0, line.removeprefix("#:").removeprefix("#").strip())
        row -= 1
    return " ".join(found)


def _keys() -> str:
    words = meanings()
    sections = [("The top level, and environments", WranglerKeys)]
    sections += [(f"`[{name}]`", kind) for name, kind in _tables(WranglerKeys, "") if kind is not PaddockSettings]
    sections += [("`[paddock]`", PaddockSettings)]
    sections += [(f"`[{name}]`", kind) for name, kind in _tables(PaddockSettings, "paddock.")]
    return "\n\n".join(_section(title, kind, words[kind.__name__]) for title, kind in sections)


def _tables(struct: type[msgspec.Struct], above: str) -> list[tuple[str, type[msgspec.Struct]]]:
    """The structs below one, each with the path of its table."""
    found = []
    for field in msgspec.structs.fields(struct):
        inner = [
            option for option in _leaves(field.type) if isinstance(option, type) and issubclass(option, msgspec.Struct)
        ]
        for kind in inner:
            origin = get_origin(field.type)
            name = f'{above}{field.name}."@cf/..."' if origin is dict else f"{above}{field.name}"
            found.append((f"[{name}]" if origin is tuple else name, kind))
            if kind is not PaddockSettings:
                found += _tables(kind, f"{above}{field.name}.")
    return found


def _leaves(expected: Any) -> list[Any]:
    return [leaf for option in get_args(expected) for leaf in _leaves(option)] or [expected]


def _section(title: str, struct: type[msgspec.Struct], words: dict[str, str]) -> str:
    rows = [
        f"| `{field.name}` | {_cell(_type(field))} | {_cell(_default(field))} | {_cell(words[field.name])} |"
        for field in msgspec.structs.fields(struct)
    ]
    return "\n".join([f"### {title}", "", "| key | type | default | meaning |", "|---|---|---|---|", *rows])


def _type(field: msgspec.structs.FieldInfo) -> str:
    leaves = _leaves(field.type)
    if any(isinstance(leaf, type) and issubclass(leaf, msgspec.Struct) for leaf in leaves):
        name = "string or table" if str in leaves else "table"
        origin = get_origin(field.type)
        return f"list, each a {name}" if origin is tuple else "tables by name" if origin is dict else name
    return described(field.type)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default
    if isinstance(value, msgspec.Struct) or value is None or field.default_factory is not msgspec.NODEFAULT:
        return ""
    return f"`{msgspec.json.encode(value).decode()}`" if value not in ((), {}, []) else ""


def _commands() -> str:
    parts = []
    for name, command in COMMANDS.items():
        parser = Parser(prog=f"paddock {name}", description="")
        importlib.import_module(command.module).add_arguments(parser)
        rows = [
            f"| {_cell(_flag(action))} | {_cell(action.help or '')} |"
            for action in parser._actions  # no public way to them
            if action.help != argparse.SUPPRESS and action.dest != "help"
        ]
        table = ["", "| argument | meaning |", "|---|---|", *rows] if rows else []
        lines = [f"## paddock {name}", "", command.summary, "", "```sh", *command.examples, "```", *table]
        if refused := [
            flag for action in parser._actions if hasattr(action, "_reason") for flag in action.option_strings
        ]:
            lines += ["", f"Refused, with the reason: {', '.join(f'`{flag}`' for flag in refused)}."]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _flag(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    value = "" if action.nargs == 0 else f" {action.metavar or choices}"
    return ", ".join(f"`{flag}{value}`" for flag in action.option_strings)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|")


def _filled(text: str, name: str, content: str) -> str:
    """The text with what stands between its two marks replaced."""
    begin = _BEGIN.format(name=name)
    before, _, rest = text.partition(begin)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"expected {begin} and {_END} in the file; got {'no end' if rest else 'neither'}")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
