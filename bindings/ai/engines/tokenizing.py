"""Prompts to tokens without the wrappers around the tokenizer's native code.

A prompt of a few words takes 70 microseconds through transformers and vLLM's pool of tokenizers, three quarters of it
in Python and in waking the native code's threads for a batch of one. That is time of the thread that steps the engine.
"""

from __future__ import annotations

import copy
from typing import Any, Final

__all__ = ["encode_directly"]

#: Texts that a tokenizer of several parts would split in another way than its native part alone.
_SAMPLES: Final = (
    "",
    " ",
    "Tell me\tabout  ponds.\n\nIn 3 words: ",
    "Caf\u00e9 \U0001f404 \u725b \u0643",
    "<s></s><unk>",
)
#: A single text is encoded without letting other threads run, which steps of the engine must not wait for.
_SHORT_CHARACTERS: Final = 4_000
_BY_RENDERER: Final = {"truncation", "max_length", "add_special_tokens"}


def encode_directly(tokenizer: Any) -> None:
    """Let a call of the tokenizer, as vLLM's renderer makes it, go straight to the native code.

    Only where that gives the same tokens: a tokenizer without native code, or one whose Python part changes the text,
    stays as it is. May be used from several threads, as before.
    """
    native: Any = copy.deepcopy(getattr(tokenizer, "backend_tokenizer", None))
    if native is None:
        return
    native.no_truncation()
    native.no_padding()
    samples = (*_SAMPLES, "".join(tokenizer.all_special_tokens))
    for has_special in (True, False):
        for text in samples:
            slow = tokenizer(text, truncation=False, max_length=None, add_special_tokens=has_special)["input_ids"]
            if native.encode(text, add_special_tokens=has_special).ids != slow:
                return
    plain = type(tokenizer)

    class Direct(plain):  # type: ignore[misc, valid-type]
        """The same tokenizer; a call with other arguments takes the long way."""

        def __call__(self, text: Any = None, *args: Any, **options: Any) -> Any:
            is_short = isinstance(text, str) and len(text) < _SHORT_CHARACTERS
            if args or options.keys() != _BY_RENDERER or options["truncation"] or not is_short:
                return super().__call__(text, *args, **options)
            return {"input_ids": native.encode(text, add_special_tokens=options["add_special_tokens"]).ids}

    Direct.__name__ = plain.__name__
    tokenizer.__class__ = Direct
