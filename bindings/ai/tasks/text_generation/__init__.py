"""Text generation: prompt or messages in; the native or the chat-completion shape out.

`inputs.py` gives the inputs types, `conversation.py` and `sampling.py` make engine requests of them, `structure.py` is
JSON mode; `native.py`, `chat.py` and `responses.py` are the shapes of an answer, and `adapter.py` puts them together.
"""

from paddock.bindings.ai.tasks.text_generation.adapter import TextGeneration

__all__ = ["TextGeneration"]
