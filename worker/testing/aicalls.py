"""What a test learns of a call of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.bindings.binding import CallRecord
    from paddock.bindings.errors import PaddockError
    from paddock.worker.testing.asked import AskedRequest

__all__ = ["AiCall", "Beside", "Usage", "prompt_of"]

#: Inputs of models of all tasks that hold what is asked, or read.
_ASKED: Final = ("prompt", "query", "queries", "text", "input_text", "input", "documents", "contexts")


class Usage(msgspec.Struct, frozen=True):
    """Tokens of a call, as the answer states them."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class AiCall:
    """One call, in the order in which they came. A streamed one is complete when its stream is over."""

    def __init__(
        self, model: str, given: object, dialect: Dialect, check: Callable[[object], Mapping[str, object]] | None
    ) -> None:
        self.model = model
        #: As the handler gave them.
        self.given = given
        #: The door that it came by: `native` for `env.AI.run`.
        self.dialect = dialect
        #: The whole answer; None for a stream, which has `chunks`.
        self.output: Any = None
        #: The pieces of a streamed answer, server-sent events as text.
        self.chunks: list[str] = []
        self.error: PaddockError | None = None
        #: What the model does, such as `Text Generation`; empty for one that is not in the catalog.
        self.task = ""
        #: By the virtual clock, in seconds since the test began; None until the answer, or its stream, is over.
        self.started_s = 0.0
        self.ended_s: float | None = None
        #: The request of `env.AI` that it is; None where it came by another door, or out of a batch.
        self.asked: AskedRequest | None = None
        self.record: CallRecord | None = None
        self._check = check
        #: What else is to be made of the whole answer, where the test gives it.
        self._settle: Callable[[object], object] | None = None
        #: By the virtual clock: before the first token, and in all.
        self._waited_first_s = 0.0
        self._waited_s = 0.0
        self._inputs: dict[str, Any] | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs with the defaults of the model's schema filled in; as given, where the schema refuses them."""
        if self._inputs is None:
            from paddock.bindings.errors import InputError

            try:
                checked = self._check(self.given) if self._check is not None else self.given
            except InputError:
                checked = self.given
            self._inputs = dict(checked) if isinstance(checked, dict) else {"": checked}
        return self._inputs

    @property
    def options(self) -> dict[str, Any]:
        """The third argument of `env.AI.run`, such as `gateway`, `returnRawResponse` and `queueRequest`, without
        `extraHeaders` and what else is not sent.
        """
        return self.asked.options if self.asked is not None else {}

    @property
    def extra_headers(self) -> dict[str, str]:
        """`options.extraHeaders`, with names in lower case."""
        return self.asked.extra_headers if self.asked is not None else {}

    @property
    def request_id(self) -> str:
        """The id that the answer carries, `env.AI.lastRequestId` for the handler; empty until then."""
        return self.asked.answered_with("cf-ai-req-id") if self.asked is not None else ""

    @property
    def log_id(self) -> str:
        """`env.AI.aiGatewayLogId` for the handler; empty without a gateway."""
        return self.asked.answered_with("cf-aig-log-id") if self.asked is not None else ""

    @property
    def worker(self) -> str:
        """The name of the worker that called; empty where the call came by another door."""
        return self.asked.worker if self.asked is not None else ""

    @property
    def events(self) -> list[Any]:
        """The data of a stream's events so far, without `[DONE]`."""
        lines = "".join(self.chunks).splitlines()
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [msgspec.json.decode(text) for text in data if text != "[DONE]"]

    @property
    def prompt(self) -> str:
        """What the model was asked: the prompt, the messages' contents, or the texts that it reads, one a line."""
        return prompt_of(self.given)

    @property
    def is_streamed(self) -> bool:
        return bool(isinstance(self.given, dict) and self.given.get("stream"))

    @property
    def usage(self) -> Usage:
        """Counted so far."""
        record = self.record
        return Usage(record.prompt_tokens, record.completion_tokens) if record else Usage(0, 0)

    @property
    def neurons(self) -> float:
        """What the call would have cost in production; 0 for a model without a price."""
        cost = self.record.cost if self.record else None
        return 0.0 if cost is None else cost.neurons

    @property
    def duration_s(self) -> float:
        """Until the end of the answer, the virtual clock's time included."""
        return self._waited_s + (self.record.duration_s if self.record else 0.0)

    @property
    def ttft_s(self) -> float | None:
        """Until the first token, the virtual clock's time included; None where none came."""
        real_s = self.record.ttft_s if self.record else None
        return None if real_s is None else real_s + self._waited_first_s

    @property
    def outcome(self) -> str:
        """`ok`, `aborted`, or the code of the error."""
        return self.record.outcome if self.record else "pending"

    def settle_with(self, settle: Callable[[object], object] | None) -> None:
        """Have this made of the whole answer."""
        self._settle = settle

    def settled(self, output: object) -> object:
        """The whole answer, as the test gives it."""
        return output if self._settle is None else self._settle(output)

    def waited(self, seconds: float, *, is_first: bool) -> None:
        """Note a wait by the virtual clock."""
        self._waited_s += seconds
        if is_first:
            self._waited_first_s = seconds

    def __repr__(self) -> str:
        stream = " stream" if self.is_streamed else ""
        options = f" {self.options}" if self.options else ""
        return f"<AiCall {self.model}{stream} {self.outcome}: {self.prompt[:60]!r}{options}>"


class Beside(NamedTuple):
    """What a test expects beside model and inputs: options and headers that a call has among its own."""

    options: dict[str, object]
    extra_headers: dict[str, str]

    def is_of(self, call: AiCall) -> bool:
        """Whether the call has all of them."""
        return all(
            name in given and given[name] == value
            for wanted, given in ((self.options, call.options), (self.extra_headers, call.extra_headers))
            for name, value in wanted.items()
        )

    def __str__(self) -> str:
        named = (("options", self.options), ("extra_headers", self.extra_headers))
        return "".join(f" with {name} {wanted}" for name, wanted in named if wanted)


def prompt_of(given: object) -> str:
    """The text that inputs ask with."""
    if not isinstance(given, dict):
        return ""
    if given.get("messages") is not None:
        return "\n".join(_content(message) for message in given["messages"])
    asked = [given[name] for name in _ASKED if given.get(name) is not None]
    texts = [text for one in asked for text in (one if isinstance(one, list) else [one])]
    return "\n".join(str(text.get("text", "")) if isinstance(text, dict) else str(text) for text in texts)


def _content(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
