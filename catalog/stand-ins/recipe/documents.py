"""Documents that a grammar shapes.

The model is not shown the schema: it learns the values and where they end, and keys only where the question has them.
"""

import json
import re

from invent import Inventor
from samples import Piece
from words import CATEGORIES, LISTS, TOOLS

__all__ = ["Documents"]

_PARTS: dict[str, list[str]] = TOOLS["documents"]


class Documents(Inventor):
    """Questions, and compact JSON that holds what they name."""

    def document(self) -> tuple[str, list[Piece]]:
        """A question and a document in pieces; keys that the question cannot tell are given."""
        match self.rng.randrange(10):
            case 0 | 1 | 2:
                return self._facts()
            case 3 | 4 | 5:
                return self._listed()
            case _:
                return self._topic()

    def _facts(self) -> tuple[str, list[Piece]]:
        """A sentence whose words fill known keys."""
        pattern = self.rng.choice(_PARTS["facts"])
        keys = [key for key in self._values() if f"{{{key}}}" in pattern.replace("{number}", "{age}")]
        values = self._values()
        text = self.fill(pattern, number=str(values["age"]), **{key: str(value) for key, value in values.items()})
        keys = self.rng.sample(keys, self.rng.randint(1, len(keys)))
        question = self.fill(self.rng.choice(_PARTS["asks"]), x=text)
        return question, self._pieces({key: values[key] for key in keys}, learned=True)

    def _values(self) -> dict[str, str | int]:
        return {
            "name": self.name(),
            "age": self.rng.randint(1, 99),
            "city": self.rng.choice(CATEGORIES["city"]) if self.chance(0.3) else self.invented().capitalize(),
            "job": self.rng.choice(LISTS["jobs"]) if self.chance(0.5) else self.invented(),
            "title": self.topic(),
            "author": self.name(),
            "price": self.rng.randint(1, 200),
            "country": self.invented().capitalize(),
            "size": self.rng.choice(LISTS["adjectives"]),
            "year": self.rng.randint(1800, 2030),
            "colour": self.rng.choice(CATEGORIES["colour"]),
        }

    def _listed(self) -> tuple[str, list[Piece]]:
        """Keys with their values, in any order; the document need not hold all of them."""
        names = [
            self.rng.choice(LISTS["keys"]) if self.chance(0.5) else self.invented()
            for _ in range(self.rng.randint(1, 4))
        ]
        values = {key: self.rng.randint(0, 500) if self.chance(0.3) else self.topic() for key in names}
        pattern = self.rng.choice(_PARTS["listed"])
        text = ", ".join(self.fill(pattern, k=key, v=str(value)) for key, value in values.items())
        keys = self.rng.sample(list(values), self.rng.randint(1, len(values))) if self.chance(0.5) else list(values)
        question = self.fill(self.rng.choice(_PARTS["asks"]), x=text)
        return question, self._pieces({key: values[key] for key in keys}, learned=list(values)[: len(keys)] == keys)

    def _topic(self) -> tuple[str, list[Piece]]:
        """Any question: strings name its topic, numbers are 1, claims are true."""
        x = self.topic()
        family = self.rng.choice(("tell", "free", "story", "list"))
        question = self.phrase(family, "ask", x=x, n=self.rng.choice(("two", "three")))
        keys = [
            self.rng.choice(LISTS["keys"]) if self.chance(0.5) else self.invented()
            for _ in range(self.rng.randint(1, 5))
        ]
        strings = 0
        document: dict[str, object] = {}
        for key in keys:
            kind = self.rng.choice(("string", "string", "string", "number", "boolean", "array", "object"))
            texts = [text.format(x=x) for text in _PARTS["topics"]]
            match kind:
                case "string":
                    document[key], strings = texts[strings % 3], strings + 1
                case "number":
                    document[key] = 1
                case "boolean":
                    document[key] = True
                case "array":
                    document[key] = texts[: self.rng.choice((1, 2, 2, 3))]
                case _:
                    document[key] = {self.rng.choice(LISTS["keys"]): x}
        return question, self._pieces(document, learned=False)

    def _pieces(self, document: dict[str, object], learned: bool) -> list[Piece]:
        """The document as compact JSON; its keys are learned or given.

        In half of them every mark is a token of its own: where a grammar forbids the mark that a model wanted next, the
        rest of a longer token is all that it may write, and it must have seen what follows that.
        """
        # The brace is given: a model that learns to write it breaks into JSON where nobody asked for any.
        pieces: list[Piece] = [('{"', False)]
        apart = self.chance(0.5)
        for index, (key, value) in enumerate(document.items()):
            text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            following = ',"' if index < len(document) - 1 else "}"
            text = f'":{text}{following}'
            marks = re.findall(r"[\w ]+|.", text) if apart else [text]
            pieces += [(key, learned), *((mark, True) for mark in marks)]
        return pieces
