"""Faults that only some modes can have."""

import pytest

from paddock.worker.testing.ai import Ai, AiMode


@pytest.mark.parametrize("mode", ["vllm", "replay"])
def test_answers_that_are_made_elsewhere_can_only_fail(mode: AiMode) -> None:
    ai = Ai(mode)
    with pytest.raises(ValueError, match=rf"ai\.cut_stream_after: expected the mode fake or scripted; got {mode}"):
        ai.cut_stream_after(1)
    with pytest.raises(ValueError, match=r"ai\.delay"):
        ai.delay(ttft=1)
    with pytest.raises(ValueError, match=r"ai\.set_state"):
        ai.set_state("cold")
    ai.fail_next(code=3021)
    error = ai.fault("@cf/a/b")
    assert error is not None
    assert error.internal_code == 3021
    ai.out_of_capacity()
    ai.recover()
    assert ai.fault("@cf/a/b") is None
