"""The fixture `ai`: how calls of models are answered in a test, and what they were."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final, Literal, get_args

from paddock.bindings.errors import EngineError, EngineUnavailable
from paddock.worker.testing.aicalls import AiCall, Usage
from paddock.worker.testing.fakeanswers import fake_answer
from paddock.worker.testing.faults import Faults
from paddock.worker.testing.replies import Answer, Reply, Rule, error_for, reply_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import EngineRequest
    from paddock.worker.testing.cassettes import Cassette

__all__ = ["MODES", "Ai", "AiMode"]

#: `fake`: a pure function of model, inputs and seed. `scripted`: what the test says. `replay`: what a cassette has.
#: `vllm`: real engines. `off`: every call fails.
AiMode = Literal["fake", "scripted", "replay", "vllm", "off"]
MODES: Final[tuple[AiMode, ...]] = get_args(AiMode)


class Ai(Faults):
    """How the models of one test answer. The first reply, rule or failure that a test gives makes it `scripted`."""

    def __init__(self, mode: AiMode = "fake", seed: int = 0, test: str = "") -> None:
        super().__init__()
        self.mode: AiMode = mode
        self.seed = seed
        #: Every call so far, in order, those that were refused included.
        self.calls: list[AiCall] = []
        #: Where answers come from, and go to, in the mode `replay`.
        self.cassette: Cassette | None = None
        self._test = test
        self._queue: deque[Reply] = deque()
        self._rules: list[Rule] = []
        self._problems: list[str] = []

    @property
    def needs_engines(self) -> bool:
        """Whether real engines may have to answer."""
        return self.mode == "vllm" or (self.cassette is not None and self.cassette.records)

    # What calls are answered with

    def reply(self, *answers: Answer) -> None:
        """Answer the next call with a text, or an object with `response`, `reasoning` and `tool_calls`; of several
        answers, each is for one call.
        """
        self._script(*map(reply_of, answers))

    def stream(self, pieces: Sequence[str], delay_s: float = 0.0) -> None:
        """Answer the next call with these pieces, a token each."""
        self._script(Reply(list(pieces), delay_s=delay_s))

    def fail(self, code: int = 3040, message: str = "", status: int | None = None) -> None:
        """Have the next call fail with an error of production's: 3040 is that of no capacity."""
        self._script(Reply((), error_for(code, message, status)))

    def on(self, model: str = "*", prompt: str | re.Pattern[str] | None = None, times: int | None = None) -> Rule:
        """A rule for the calls of models (`@cf/meta/*`) whose prompt the expression is found in; say then what it
        does: `.reply`, `.stream`, `.fail` or `.call`. Rules go before queued replies; the first that matches answers.
        """
        rule = Rule(model, re.compile(prompt) if isinstance(prompt, str) else prompt, times)
        self._rules.append(rule)
        self.mode = "scripted"
        return rule

    # What calls there were

    @property
    def usage(self) -> Usage:
        """Tokens of all calls together."""
        usages = [call.usage for call in self.calls]
        prompt, completion = sum(u.prompt_tokens for u in usages), sum(u.completion_tokens for u in usages)
        return Usage(prompt, completion)

    @property
    def tokens_total(self) -> int:
        return self.usage.total_tokens

    @property
    def neurons_estimate(self) -> float:
        """What the calls would have cost in production; models without a price count nothing."""
        return sum(call.neurons for call in self.calls)

    def assert_no_calls(self) -> None:
        """No model was called."""
        assert not self.calls, f"expected no call of a model; there were {self._listed()}"

    def assert_called(self, model: str | None = None, contains: str = "", times: int | None = None) -> AiCall:
        """A model was called, this model and with this text in its prompt where they are given, so many times where
        that is given. Returns the last such call.
        """
        found = [call for call in self.calls if model in (None, call.model) and contains in call.prompt]
        wanted = f"a call of {model or 'a model'}{f' with {contains!r} in its prompt' if contains else ''}"
        assert found, f"expected {wanted}; there were {self._listed()}"
        assert times in (None, len(found)), f"expected {wanted} {times} times; there were {self._listed()}"
        return found[-1]

    def assert_called_once_with(self, model: str | None = None, contains: str = "", **inputs: object) -> AiCall:
        """One call and no more, with this model, this text in its prompt, and these inputs (defaults filled in)."""
        assert len(self.calls) == 1, f"expected one call of a model; there were {self._listed()}"
        call = self.assert_called(model, contains)
        for name, value in inputs.items():
            assert call.inputs.get(name) == value, f"expected {name}={value!r}; got {call.inputs.get(name)!r} in {call}"
        return call

    def _listed(self) -> str:
        return "none" if not self.calls else "".join(f"\n  {call}" for call in self.calls)

    # What the service asks

    def begin(self, call: AiCall) -> None:
        """Note a call."""
        self.calls.append(call)

    def answer(self, card: ModelCard, call: AiCall, request: EngineRequest) -> Reply:
        """What the engine replies to one generation of a call."""
        if self.mode == "off":
            return Reply((), self._refusal(call))
        if (fault := self.fault(call.model)) is not None:
            return Reply((), fault)
        return self.cut(self._said(card, call, request))

    def _said(self, card: ModelCard, call: AiCall, request: EngineRequest) -> Reply:
        for rule in self._rules:
            if rule.matches(call):
                return rule.answer(call)
        if request.work is not None:
            return Reply(("",))  # the engine makes up what it comes to
        if self._queue:
            return self._queue.popleft()
        if self.mode == "scripted":
            return Reply((), self._refusal(call))
        try:
            return Reply(fake_answer(card, request, self.seed))  # type: ignore[arg-type]  # pieces are no exceptions
        except EngineError as error:
            return Reply((), error)

    def report(self, problem: str) -> None:
        """Tell the test of a call that had no answer."""
        self._problems.append(problem)

    def take_problems(self) -> list[str]:
        """A text for each call that the test had no answer for, once."""
        problems, self._problems = self._problems, []
        return problems

    def unused(self) -> list[str]:
        """The replies and rules that no call has used."""
        rules = [f"{rule} answered {rule.used} calls" for rule in self._rules if not rule.is_spent]
        return rules + ([f"{len(self._queue)} queued replies were not used"] if self._queue else [])

    def _script(self, *replies: Reply) -> None:
        self.mode = "scripted"
        self._queue.extend(replies)

    def _refusal(self, call: AiCall) -> Exception:
        where = f" in {self._test}" if self._test else ""
        if self.mode == "off":
            text = (
                f"AI is off{where}, and the worker called {call.model} (call {len(self.calls)}): {call.prompt[:200]!r}"
            )
        else:
            text = (
                f"No reply is left{where} for call {len(self.calls)}, of {call.model}: {call.prompt[:200]!r}. "
                "Give one with ai.reply(...) for each expected call, or a rule with ai.on(...)."
            )
        self._problems.append(text)
        return EngineUnavailable(text)
