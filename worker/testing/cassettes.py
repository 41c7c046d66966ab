"""Cassettes: calls of models and their answers in a YAML file that people can read, and edit.

They are recorded at the binding, so that they hold what handlers see: inputs, whole answers, or the events of streams
with their times; and no headers, and no values of secrets.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec
import yaml

from paddock.worker.testing.cassettetext import rounded, shortened, yaml_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["RECORD_MODES", "Cassette", "Event", "Failure", "RecordMode", "Recording", "Tokens"]

#: `none`: replay alone. `once`: record where there is no file yet. `new`: record what the file has not. `all`: record
#: everything anew.
RecordMode = Literal["none", "once", "new", "all"]
RECORD_MODES: Final[tuple[RecordMode, ...]] = get_args(RecordMode)
_VERSION: Final = 1
_HEAD: Final = "# Recorded by pytest --paddock-record. May be edited; see Testing, Cassettes.\n"


class Event(msgspec.Struct):
    """One event of a stream, as text, with the milliseconds since the call."""

    at_ms: float
    event: str


class Failure(msgspec.Struct):
    """An error in place of an answer."""

    code: int
    status: int
    message: str


class Tokens(msgspec.Struct):
    """As counted by the engine that was recorded."""

    prompt: int = 0
    completion: int = 0


class Recording(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One call: its inputs as the handler gave them, and one of answer, events and error."""

    model: str
    inputs: Any
    output: Any = None
    events: list[Event] | None = None
    error: Failure | None = None
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    #: The weights and the engine that answered.
    by: str = ""
    #: In whose shapes: `native` for those of `env.AI.run`.
    dialect: str = "native"

    def asks(self, model: str, inputs: object, dialect: str) -> bool:
        """Whether it is the same call, whatever the order of members. `inputs` are shortened."""
        is_alike = (self.model, self.dialect) == (model, dialect)
        return is_alike and _canonical(shortened(self.inputs)) == _canonical(inputs)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    calls: list[Recording]


class Cassette:
    """The recordings of one test. Each is replayed once, equal ones in their order."""

    def __init__(self, path: Path, mode: RecordMode, secrets: Mapping[str, str]) -> None:
        self.path = path
        #: Whether calls that it has not are recorded.
        self.records = mode in ("new", "all") or (mode == "once" and not path.exists())
        self._secrets = {value: f"<secret {name}>" for name, value in secrets.items() if value}
        self._calls: list[Recording] = [] if mode == "all" or not path.exists() else _read(path)
        self._left = list(self._calls)
        self._has_changed = False

    def find(self, model: str, inputs: object, dialect: str = "native") -> Recording | None:
        """The recording of a call, once."""
        wanted = self._hidden(shortened(inputs))
        found = next((recording for recording in self._left if recording.asks(model, wanted, dialect)), None)
        if found is not None:
            self._left.remove(found)
        return found

    def add(self, recording: Recording) -> None:
        """Keep a call, its secrets hidden, its files named by their hashes, its vectors rounded."""
        kept = msgspec.structs.replace(
            recording, inputs=shortened(recording.inputs), output=rounded(msgspec.to_builtins(recording.output))
        )
        shown = self._hidden(msgspec.to_builtins(kept))
        self._calls.append(msgspec.convert(shown, Recording))
        self._has_changed = True

    def save(self) -> None:
        """Write the file, if anything was recorded."""
        if not self._has_changed:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = msgspec.to_builtins(_File(_VERSION, self._calls))
        self.path.write_text(_HEAD + yaml_of(content))
        self._has_changed = False

    def missing(self, model: str, inputs: object) -> str:
        """Why a call cannot be replayed, with what differs from the nearest recording."""
        wanted = _lines(model, self._hidden(shortened(inputs)))
        others = [_lines(recording.model, shortened(recording.inputs)) for recording in self._left]
        text = f"{self.path} has no recording"
        if self._calls and not others:
            return f"{text} left: each of its {len(self._calls)} is replayed once. Record with --paddock-record=new."
        if not others:
            return f"{text}. Record with --paddock-record=once."
        nearest = max(others, key=lambda other: difflib.SequenceMatcher(None, other, wanted).ratio())
        diff = "\n".join(difflib.unified_diff(nearest, wanted, "nearest recording", "this call", lineterm="", n=1))
        return f"{text} of this call of {model}. Record with --paddock-record=new, or mend what differs:\n{diff}"

    def _hidden(self, value: object) -> Any:
        """The value with every secret's value replaced by its name."""
        match value:
            case str():
                for secret, name in self._secrets.items():
                    value = value.replace(secret, name)
                return value
            case dict():
                return {key: self._hidden(member) for key, member in value.items()}
            case list():
                return [self._hidden(item) for item in value]
        return value


def _read(path: Path) -> list[Recording]:
    try:
        file = msgspec.convert(yaml.safe_load(path.read_text()), _File)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: expected a cassette; {error}. Delete it to record it anew.") from error
    if file.version != _VERSION:
        raise ValueError(f"{path}: expected version {_VERSION}; got {file.version}. Delete it to record it anew.")
    return file.calls


def _canonical(inputs: object) -> str:
    return json.dumps(inputs, sort_keys=True)


def _lines(model: str, inputs: object) -> list[str]:
    return yaml_of({"model": model, "inputs": inputs}).splitlines()
