"""The fixture `ai`: how calls of models are answered in a test, and what they were."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final, Literal, get_args

from paddock.bindings.ai.engines.made_up import made_up
from paddock.bindings.ai.engines.work import Pooling
from paddock.bindings.errors import EngineError, EngineUnavailable
from paddock.worker.testing.calls import Calls
from paddock.worker.testing.fakeanswers import fake_answer
from paddock.worker.testing.faults import Faults
from paddock.worker.testing.replies import Answer, Asked, Reply, Rule, Script, UnfitAnswer, failing, scripted, streaming

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import EngineRequest
    from paddock.worker.testing.aicalls import AiCall
    from paddock.worker.testing.cassettes import Cassette

__all__ = ["MODES", "Ai", "AiMode"]

#: `fake`: a pure function of model, inputs and seed. `scripted`: what the test says. `replay`: what a cassette has.
#: `vllm`: real engines. `off`: every call fails.
AiMode = Literal["fake", "scripted", "replay", "vllm", "off"]
MODES: Final[tuple[AiMode, ...]] = get_args(AiMode)


class Ai(Calls, Faults):
    """How the models of one test answer. The first reply, rule or failure that a test gives makes it `scripted`."""

    def __init__(self, mode: AiMode = "fake", seed: int = 0, test: str = "") -> None:
        super().__init__()
        self.mode: AiMode = mode
        self.seed = seed
        #: Where answers come from, and go to, in the mode `replay`.
        self.cassette: Cassette | None = None
        self._test = test
        #: Whether it was asked for by name: then vectors and scores are the test's to say, too.
        self._is_strict = mode == "scripted"
        #: Models whose vectors or scores the test has said; others beside them would not fit.
        self._read_for: set[str] = set()
        self._queue: deque[Script] = deque()
        self._rules: list[Rule] = []
        self._problems: list[str] = []

    @property
    def needs_engines(self) -> bool:
        """Whether real engines may have to answer."""
        return self.mode == "vllm" or (self.cassette is not None and self.cassette.records)

    # What calls are answered with

    def reply(self, *answers: Answer) -> None:
        """Answer the next call with this; of several answers, each is for one call.

        Of a model that generates text: the text, or an object with `response`, `reasoning` and `tool_calls`. Of others:
        vectors, scores, objects with `label` and `score`, or the text of a transcript, translation, summary or
        description; or an object with members of the model's own output. Raises TypeError and ValueError for what is
        no answer of any model; what the model that is called cannot give fails the test.
        """
        self._script(*map(scripted, answers))

    def stream(self, pieces: Sequence[str], delay_s: float = 0.0) -> None:
        """Answer the next call with these pieces, a token each."""
        self._script(streaming(pieces, delay_s))

    def fail(self, code: int = 3040, message: str = "", status: int | None = None) -> None:
        """Have the next call fail with an error of production's: 3040 is that of no capacity. Raises ValueError for a
        number that has no words of its own, and is given none.
        """
        self._script(failing(code, message, status))

    def on(
        self,
        model: str = "*",
        prompt: str | re.Pattern[str] | None = None,
        times: int | None = None,
        *,
        input: Callable[[dict[str, Any]], object] | None = None,
    ) -> Rule:
        """A rule for the calls of models (`@cf/meta/*`) whose prompt the expression is found in, and whose inputs,
        defaults filled in, the function `input` says yes to; say then what it does: `.reply`, `.stream`, `.fail` or
        `.call`. Rules go before queued replies; the first that matches answers.
        """
        rule = Rule(model, re.compile(prompt) if isinstance(prompt, str) else prompt, times, input)
        self._rules.append(rule)
        self.mode = "scripted"
        return rule

    # What the service asks

    def answer(self, card: ModelCard, call: AiCall, request: EngineRequest) -> Reply:
        """What the engine replies to one generation of a call."""
        if self.mode == "off":
            return Reply(error=self._refusal(call))
        if (fault := self.fault(call.model)) is not None:
            return Reply(error=fault)
        try:
            return self.cut(self._said(Asked(card, call, request)))
        except UnfitAnswer as unfit:
            return Reply(
                error=self._refused(f"{self._place(call)} cannot be answered with what the test gives: {unfit}")
            )

    def _said(self, asked: Asked) -> Reply:
        card, call, request = asked
        is_reading = isinstance(request.work, Pooling)
        # Vectors and scores need no words: a test that says what a model writes need not say them, too.
        is_free = is_reading and not self._is_strict and card.name not in self._read_for
        if (script := self._script_for(call, without_words=is_free)) is not None:
            reply = script.make(asked)
            if is_reading and reply.error is None:
                self._read_for.add(card.name)
            return reply
        if self.mode == "scripted" and not is_free:
            return Reply(error=self._refusal(call))
        if request.work is not None:
            return Reply(result=made_up(request.work))
        try:
            return Reply(fake_answer(card, request, self.seed))  # type: ignore[arg-type]  # pieces are no exceptions
        except EngineError as error:
            return Reply(error=error)

    def _script_for(self, call: AiCall, *, without_words: bool) -> Script | None:
        """What the test says of a call; `without_words`, a queued text waits for another."""
        for rule in self._rules:
            if rule.matches(call):
                return rule.script()
        if self._queue and not (without_words and self._queue[0].is_words):
            return self._queue.popleft()
        return None

    def report(self, problem: str) -> None:
        """Tell the test of a call that had no answer."""
        self._problems.append(problem)

    def take_problems(self) -> list[str]:
        """A text for each call that the test had no answer for, once."""
        problems, self._problems = self._problems, []
        return problems

    def unused(self) -> list[str]:
        """The replies and rules that no call has used."""
        rules = [rule.account for rule in self._rules if not rule.is_spent]
        return rules + ([f"{len(self._queue)} queued replies were not used"] if self._queue else [])

    def _script(self, *scripts: Script) -> None:
        self.mode = "scripted"
        self._queue.extend(scripts)

    def _refusal(self, call: AiCall) -> Exception:
        where = f" in {self._test}" if self._test else ""
        if self.mode == "off":
            return self._refused(f"AI is off{where}, and the worker made {self._place(call)}")
        return self._refused(
            f"No reply is left{where} for {self._place(call)}. "
            "Give one with ai.reply(...) for each expected call, or a rule with ai.on(...)."
        )

    def _place(self, call: AiCall) -> str:
        return f"call {self.calls.index(call) + 1}, of {call.model}: {call.prompt[:200]!r}"

    def _refused(self, text: str) -> EngineUnavailable:
        self._problems.append(text)
        refusal = EngineUnavailable(text)
        refusal.retryable = False  # type: ignore[misc]  # of this one: a batch would ask again
        return refusal
