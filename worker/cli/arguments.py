"""Flags: parsed strictly, refused with a reason where production has them and Paddock cannot."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Parser", "UsageError", "add_config_arguments", "add_state_argument"]


class UsageError(Exception):
    """The command line is wrong: exit code 2."""

    @classmethod
    def unknown(cls, word: str, known: Iterable[str]) -> UsageError:
        """An error that names the word and the nearest one that exists."""
        import difflib  # a tenth of the time of `paddock --help`, and needed only here

        near = difflib.get_close_matches(word, list(known), n=1)
        kind = "argument" if word.startswith("-") else "command"
        return cls(f"Unknown {kind}: {word}" + (f" (did you mean {near[0]}?)" if near else ""))


class Parser(argparse.ArgumentParser):
    """argparse that raises UsageError, takes no abbreviated flags, and names unknown flags as wrangler does."""

    #: Flags may stand between the positional arguments. Else argparse takes all of these where the first one stands.
    is_intermixed = False

    def __init__(self, prog: str, description: str, examples: Sequence[str] = ()) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog="\n  ".join(["examples:", *examples]) if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments in `words`. Raises UsageError; `--help` prints and raises SystemExit."""
        parse = self.parse_known_intermixed_args if self.is_intermixed else self.parse_known_args
        arguments, unknown = parse([self._unfolded(word) for word in words])
        if unknown:
            word = unknown[0].partition("=")[0]
            known = [flag for action in self._actions for flag in action.option_strings]
            raise UsageError.unknown(word, known) if word.startswith("-") else UsageError(f"Unknown argument: {word}")
        return arguments

    def _unfolded(self, word: str) -> str:
        """`--flag=true` and `--flag=false`, which wrangler takes of every switch, as `--flag` and `--no-flag`."""
        flag, _, value = word.partition("=")
        action = self._option_string_actions.get(flag)
        if action is None or action.nargs != 0 or value not in ("true", "false"):
            return word
        other = flag.replace("--no-", "--", 1) if flag.startswith("--no-") else flag.replace("--", "--no-", 1)
        return flag if value == "true" else other

    def refuse(self, *flags: str, reason: str) -> None:
        """Take these flags of wrangler's only to say, in one sentence, why they cannot work here."""
        self.add_argument(*flags, action=_Refusal, nargs="?", help=argparse.SUPPRESS, reason=reason)

    def accept(self, *flags: str) -> None:
        """Take these flags of wrangler's, which ask for what Paddock does anyway."""
        self.add_argument(*flags, action="store_true", help=argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


class _Refusal(argparse.Action):
    def __init__(self, *args: object, reason: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type] # argparse types each argument, and passes them on here
        self._reason = reason

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, flag: str | None = None
    ) -> NoReturn:
        raise UsageError(f"{flag} is not supported: {self._reason}")


def add_config_arguments(parser: Parser, *, has_several: bool = False) -> None:
    """`--config` and `--env`, which every command that reads the configuration has; a list where it takes several."""
    text = "configuration file (default: the nearest wrangler-like.toml)"
    if has_several:
        text += "; repeatable: the first worker gets the requests, the others are reached through bindings"
        parser.add_argument("-c", "--config", type=Path, action="append", default=[], metavar="PATH", help=text)
    else:
        parser.add_argument("-c", "--config", type=Path, metavar="PATH", help=text)
    parser.add_argument(
        "-e",
        "--env",
        metavar="NAME",
        default=os.environ.get("CLOUDFLARE_ENV"),
        help="environment of the configuration file (default: CLOUDFLARE_ENV)",
    )


def add_state_argument(parser: Parser) -> None:
    """`--persist-to`, for commands that read or write local state."""
    parser.add_argument(
        "--persist-to", type=Path, metavar="DIR", help="folder of local state (default: .paddock/state of the project)"
    )
