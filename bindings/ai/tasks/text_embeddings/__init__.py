"""Text embeddings: texts in, vectors out."""

from __future__ import annotations

from paddock.bindings.ai.tasks.text_embeddings.adapter import TextEmbeddings

__all__ = ["TextEmbeddings"]
