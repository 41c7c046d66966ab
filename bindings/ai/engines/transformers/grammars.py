"""Answers as JSON documents, by llguidance, which vLLM's grammars are of as well."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from paddock.bindings.ai.engines.grammar import excess
from paddock.bindings.ai.engines.steploop import RequestRefused

__all__ = ["Grammar", "Grammars"]

#: As `arguments.engine_arguments` has it for vLLM: no white space between a document's tokens.
_OPTIONS: Final[Any] = {"whitespace_flexible": False}


class Grammars:
    """Makes grammars for one tokenizer."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._tokenizer = tokenizer
        # The mark of a picture may stand behind the vocabulary.
        self._vocabulary = max(vocabulary, len(tokenizer))
        self._made: Any = None

    def of(self, schema: str) -> Grammar:
        """A grammar of a JSON Schema. Raises RequestRefused for one that none can be made of."""
        from llguidance import LLMatcher
        from llguidance.hf import from_tokenizer

        if reason := excess(schema):
            raise RequestRefused("structure", reason)
        if self._made is None:
            self._made = from_tokenizer(self._tokenizer, n_vocab=self._vocabulary)
        closed = msgspec.json.encode(_closed(msgspec.json.decode(schema))).decode()
        grammar = LLMatcher.grammar_from_json_schema(closed, defaults=_OPTIONS)
        matcher = LLMatcher(self._made, grammar)
        if matcher.is_error():
            raise RequestRefused("structure", str(matcher.get_error()).partition("\n")[0])
        return Grammar(matcher)


class Grammar:
    """Where one answer stands in its document."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def restrict(self, scores: Any) -> None:
        """Make impossible, in place, what does not go on with the document; `scores` is [1, vocabulary]."""
        import torch

        # A byte for each token. The package's own masks of bits would be compiled first, which takes seconds.
        allowed = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8)
        scores[0, ~allowed[: scores.shape[1]].bool().to(scores.device)] = -float("inf")

    def accept(self, id: int) -> None:
        """This token was drawn."""
        self._matcher.consume_token(id)


def _closed(schema: Any) -> Any:
    """The schema without room for properties that it does not declare, of which weak models make endless ones."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "patternProperties" not in schema:
        closed.setdefault("additionalProperties", False)
    return closed
