"""transformers' `generate`, one token at a time.

`generate` knows what each architecture needs between two tokens (masks, caches, pictures), and it is the part of
transformers that stays the same from version to version; but it returns when all is written. So it runs in a thread of
a pool, which stands still but for the token that it is asked for: never do two threads work at once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from paddock.bindings.ai.engines.transformers.drawing import Drawing, Drawn

__all__ = ["Generation"]


class _LeftError(BaseException):
    """Nobody wants the next token."""


class Generation:
    """One answer in the making. `inputs` are the processor's, on the model's device; `threads` has one to spare."""

    def __init__(
        self, model: Any, inputs: dict[str, Any], drawing: Drawing, max_tokens: int, threads: ThreadPoolExecutor
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._drawing = drawing
        self._max_tokens = max_tokens
        self._drawn: Drawn | None = None
        self._error: Exception | None = None
        self._is_left = False
        self._may_go = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._end = threads.submit(self._run)

    def advance(self) -> Drawn:
        """The next token. Raises what the model raised. Never asked for more than `max_tokens`."""
        self._may_go.release()
        self._stands.acquire()
        if self._error is not None:
            raise self._error
        assert self._drawn is not None
        return self._drawn

    def leave(self) -> None:
        """End it, wherever it stands; its memory is free when this returns."""
        self._is_left = True
        self._may_go.release()
        self._end.result()

    def _run(self) -> None:
        import torch

        try:
            self._wait()
            with torch.inference_mode():
                self._model.generate(
                    **self._inputs, logits_processor=[self._next], do_sample=False, max_new_tokens=self._max_tokens + 1
                )
        except _LeftError:
            pass
        except Exception as error:  # whoever asked for the token gets it
            self._error = error
        self._stands.release()

    def _wait(self) -> None:
        self._may_go.acquire()
        if self._is_left:
            raise _LeftError

    def _next(self, ids: Any, scores: Any) -> Any:
        """As a logits processor of `generate`: leaves it no choice but the token that was drawn."""
        self._drawn = self._drawing.draw(ids[0], scores[0])
        self._stands.release()
        self._wait()
        chosen = scores.new_full(scores.shape, -float("inf"))
        chosen[0, self._drawn.id] = 0
        return chosen
