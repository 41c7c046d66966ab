"""The `paddock` command: a table of commands, each in a module that is imported only when it is called.

Nothing here or at the top of a command's module imports the server, the catalog or an engine, so that `paddock --help`
and a mistyped flag answer at once. To add a command: a module with `add_arguments(parser)` and `run(arguments)`, and
one row in COMMANDS.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.cli.arguments import Parser, UsageError
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    """A row of the table: where the command lives, and what `--help` says about it."""

    module: str
    summary: str
    #: Whole command lines.
    examples: tuple[str, ...]


_PHI: Final = "@cf/microsoft/phi-2"

COMMANDS: Final[dict[str, Command]] = {
    "init": Command(
        "paddock.worker.cli.init",
        "Begin a project out of a template, with tests that pass.",
        ("paddock init my-app", "paddock init my-chat --template chat-stream -y"),
    ),
    "dev": Command(
        "paddock.worker.cli.dev",
        "Run the worker and its models on this machine.",
        ("paddock dev", "paddock dev --port 9000 --var GREETING:hello", "paddock dev -e staging --log-level debug"),
    ),
    "exec": Command(
        "paddock.worker.cli.execute",
        "Run a command with a dev server beside it, and return its exit code.",
        ("paddock exec -- pytest", "paddock exec -c wrangler.jsonc -- sh -c 'curl $PADDOCK_URL/'"),
    ),
    "check": Command(
        "paddock.worker.cli.check",
        "Look for mistakes in wrangler-like.toml and the catalog.",
        ("paddock check", "paddock check -e staging", "paddock check --json"),
    ),
    "schema": Command(
        "paddock.worker.cli.configschema",
        "Print the JSON Schema of wrangler-like.toml, for editors.",
        ("paddock schema > wrangler-like.schema.json",),
    ),
    "types": Command(
        "paddock.worker.cli.types",
        "Write stubs for type checkers: env, and every model's inputs and answers.",
        ("paddock types", "paddock types --check"),
    ),
    "state": Command(
        "paddock.worker.cli.state",
        "Show where local state is, and what of it there is.",
        ("paddock state", "paddock state --persist-to elsewhere"),
    ),
    "state reset": Command(
        "paddock.worker.cli.state",
        "Remove local state. Stop the dev server first.",
        ("paddock state reset", "paddock state reset --only kv,usage --yes"),
    ),
    "doctor": Command(
        "paddock.worker.cli.doctor",
        "Show what this machine has for Paddock, and what is in its way.",
        ("paddock doctor",),
    ),
    "completion": Command(
        "paddock.worker.cli.completion",
        "Print a shell's script that completes commands and flags.",
        (
            "paddock completion bash > ~/.local/share/bash-completion/completions/paddock",
            "paddock completion fish > ~/.config/fish/completions/paddock.fish",
        ),
    ),
    "ai models list": Command(
        "paddock.worker.cli.models",
        "List the catalog's models, where their weights are, and their adapters.",
        ("paddock ai models list", 'paddock ai models list --json --task "Text Generation" --search phi'),
    ),
    "ai models schema": Command(
        "paddock.worker.cli.schema",
        "Print the input and output schema of a model.",
        (f"paddock ai models schema {_PHI}",),
    ),
    "ai usage": Command(
        "paddock.worker.cli.usage",
        "Show what the calls so far would have cost in production.",
        ("paddock ai usage", "paddock ai usage --json"),
    ),
    "ai ps": Command(
        "paddock.worker.cli.ps",
        "Show which models the dev server has loaded, and until when.",
        ("paddock ai ps", "paddock ai ps --port 9000"),
    ),
    "ai load": Command(
        "paddock.worker.cli.orders", "Load a model before its first call.", (f"paddock ai load {_PHI}",)
    ),
    "ai unload": Command(
        "paddock.worker.cli.orders",
        "End a model's engine; its memory comes back.",
        (f"paddock ai unload {_PHI}", f"paddock ai unload --force {_PHI}"),
    ),
    "ai pin": Command(
        "paddock.worker.cli.orders",
        "Load a model and keep it, whatever else wants its place.",
        (f"paddock ai pin {_PHI}",),
    ),
    "ai unpin": Command(
        "paddock.worker.cli.orders",
        "Let a pinned model go by the usual times again.",
        (f"paddock ai unpin {_PHI}",),
    ),
    "ai run": Command(
        "paddock.worker.cli.run",
        "Ask a model of any task of the dev server, and print its answer.",
        (
            f'paddock ai run {_PHI} "Who are you?"',
            f"paddock ai run {_PHI} - --temperature 0 < question.txt",
            'paddock ai run @cf/baai/bge-small-en-v1.5 "a text" "another text" --json',
            'paddock ai run @cf/baai/bge-reranker-base "a query" "a context" "another context"',
            "paddock ai run @cf/openai/whisper recording.wav",
            'paddock ai run @cf/llava-hf/llava-1.5-7b-hf "What is this?" --file picture.png',
            'paddock ai run @cf/meta/m2m100-1.2b "a text" --input target_lang=de',
            f"paddock ai run {_PHI} --inputs inputs.json",
        ),
    ),
    "ai finetune create": Command(
        "paddock.worker.cli.finetune",
        "Add a LoRA adapter to a model, by the name that calls give as `lora`.",
        ("paddock ai finetune create @cf/mistral/mistral-7b-instruct-v0.2-lora my-finetune adapters/my-finetune",),
    ),
    "ai finetune list": Command(
        "paddock.worker.cli.finetune",
        "List the adapters that were uploaded or created.",
        ("paddock ai finetune list", "paddock ai finetune list --json"),
    ),
    "ai pull": Command("paddock.worker.cli.pull", "Download the weights of a model.", (f"paddock ai pull {_PHI}",)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A PaddockError and a file that cannot be used become a message; any
    other exception is a bug."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except UsageError as exc:
        print(f"✘ [ERROR] {exc}", file=sys.stderr)
        return ExitCode.USAGE
    except SystemExit as exc:  # how argparse ends after --help
        return int(exc.code or 0)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # `paddock ai models list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILURE


def _dispatch(words: list[str]) -> int:
    for name, command in sorted(COMMANDS.items(), reverse=True):  # `state reset` before `state`
        count = len(name.split())
        if words[:count] == name.split():
            module = importlib.import_module(command.module)
            parser = Parser(prog=f"paddock {name}", description=command.summary, examples=command.examples)
            module.add_arguments(parser)
            return _run(module.run, parser.parse(words[count:]))
    return _overview(words)


def _run(run: Callable[[Namespace], int], arguments: Namespace) -> int:
    from paddock.bindings.errors import CatalogError, PaddockError
    from paddock.worker.cli.report import print_error
    from paddock.worker.errors import ConfigError

    try:
        return run(arguments)
    except PaddockError as exc:
        print_error(exc)
        return ExitCode.CONFIG if isinstance(exc, (ConfigError, CatalogError)) else ExitCode.FAILURE
    except OSError as exc:
        if not isinstance(exc.filename, str):  # none that the person could do something about
            raise
        print(f"✘ [ERROR] {exc.filename}: {exc.strerror}", file=sys.stderr)
        return ExitCode.FAILURE


def _unknown(words: list[str]) -> tuple[str, list[str]]:
    """What of these words is no command, and what could be meant: all commands, or those of the group before it."""
    groups = {name.rpartition(" ")[0] for name in COMMANDS} - {""}
    groups |= {name.partition(" ")[0] for name in groups}
    known = [*COMMANDS, *groups]
    for count in range(len(words), 0, -1):
        group = " ".join(words[:count])
        if group in groups:
            return " ".join(words[: count + 1]), [name for name in known if name.startswith(f"{group} ")]
    return words[0], [*known, "--help", "--version"]


def _overview(words: list[str]) -> int:
    """`paddock`, `paddock --help`, `paddock ai --help`: the commands that begin with these words."""
    if words in (["--version"], ["-v"]):
        from importlib.metadata import version

        print(version("paddock"))
        return ExitCode.OK
    group = [word for word in words if word not in ("--help", "-h")]
    rows = {name: row for name, row in COMMANDS.items() if name.split()[: len(group)] == group}
    if not rows:
        raise UsageError.unknown(*_unknown(group or words))
    width = max(map(len, rows))
    print(f"Usage: {' '.join(['paddock', *group])} COMMAND [--help]\n\nCommands:")
    for name, row in rows.items():
        print(f"  {name.ljust(width)}  {row.summary}")
    return ExitCode.OK
