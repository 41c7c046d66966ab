"""What a test can say of the calls of models that there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.testing.aicalls import AiCall, Beside, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Calls"]


class Calls:
    """The part of the fixture `ai` that knows what models were asked."""

    def __init__(self) -> None:
        super().__init__()
        #: Every call so far, in order, those that were refused included.
        self.calls: list[AiCall] = []

    def begin(self, call: AiCall) -> None:
        """Note a call."""
        self.calls.append(call)

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
        __tracebackhide__ = True
        assert not self.calls, f"expected no call of a model; there were {self._listed()}"

    def assert_called(
        self,
        model: str | None = None,
        contains: str = "",
        times: int | None = None,
        *,
        options: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AiCall:
        """A model was called, this model, with this text in its prompt, and with these options and headers among its
        own, where they are given; so many times where that is given. Returns the last such call.
        """
        __tracebackhide__ = True
        beside = Beside(dict(options or {}), {name.lower(): value for name, value in (extra_headers or {}).items()})
        found = [
            call
            for call in self.calls
            if model in (None, call.model) and contains in call.prompt and beside.is_of(call)
        ]
        wanted = f"a call of {model or 'a model'}{f' with {contains!r} in its prompt' if contains else ''}{beside}"
        assert found, f"expected {wanted}; there were {self._listed()}"
        assert times in (None, len(found)), f"expected {wanted} {times} times; there were {self._listed()}"
        return found[-1]

    def assert_called_once_with(
        self,
        model: str | None = None,
        contains: str = "",
        *,
        options: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        **inputs: object,
    ) -> AiCall:
        """One call and no more, as in `assert_called`, and with these inputs (defaults filled in)."""
        __tracebackhide__ = True
        assert len(self.calls) == 1, f"expected one call of a model; there were {self._listed()}"
        call = self.assert_called(model, contains, options=options, extra_headers=extra_headers)
        for name, value in inputs.items():
            assert call.inputs.get(name) == value, f"expected {name}={value!r}; got {call.inputs.get(name)!r} in {call}"
        return call

    def _listed(self) -> str:
        return "none" if not self.calls else "".join(f"\n  {call}" for call in self.calls)
