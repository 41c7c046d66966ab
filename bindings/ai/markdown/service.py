"""Markdown conversion: one way through it, whatever door a call came in by."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.markdown import formats
from paddock.bindings.ai.markdown.documents import Limits
from paddock.bindings.ai.markdown.process import Converter
from paddock.bindings.errors import ConverterMissing, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.markdown.documents import ConversionOptions, Document, Outcome

__all__ = ["MarkdownService", "estimated_tokens"]

#: Children that convert at the same time; further calls wait for their turn.
_AT_ONCE: Final = min(4, os.cpu_count() or 1)
#: Source: the docs' example of "Markdown for Agents", where 2899 bytes are 725 tokens.
_BYTES_PER_TOKEN: Final = 4


class MarkdownService:
    """Converts documents in processes of their own, which `limits` bound: whatever a document does ends there."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def supported(self) -> list[dict[str, str]]:
        """`extension` and `mimeType` of every rich format that the installed packages can convert."""
        return formats.supported()

    async def transform(self, documents: Sequence[Document], options: ConversionOptions) -> list[dict[str, object]]:
        """One result for each document, in their order. A document that cannot be converted has format `error`.

        Shape (production's): `id`, `name`, `mimeType`, `format`, and `tokens` and `data`, or `error`.
        Raises: InputError for too many documents; ConverterMissing when one needs a package that is not installed.
        """
        if len(documents) > self._limits.documents:
            raise InputError(
                f"Error: files: expected at most {self._limits.documents} documents in a call; got {len(documents)}"
            )
        is_text = options.output is not None and options.output.format == "text"
        results = []
        async with self._turns, Converter(self._limits) as converter:
            for document in documents:
                outcome = await converter.convert(document, options)
                if outcome.missing:
                    raise ConverterMissing(outcome.mime_type, outcome.missing, formats.INSTALL)
                results.append(_result(document, outcome, "text" if is_text else "markdown"))
        return results


def estimated_tokens(text: str) -> int:
    """Production's estimate, as far as its examples show it: a token for every four bytes, the last ones rounded up."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def _result(document: Document, outcome: Outcome, format: str) -> dict[str, object]:
    head: dict[str, object] = {"id": str(uuid.uuid4()), "name": document.name, "mimeType": outcome.mime_type}
    if outcome.data is None:
        return head | {"format": "error", "error": outcome.error}
    return head | {"format": format, "tokens": estimated_tokens(outcome.data), "data": outcome.data}
