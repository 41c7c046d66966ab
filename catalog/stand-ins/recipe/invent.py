"""A seeded source of words: listed ones, and invented ones that a model can only copy."""

import random
import string

from words import FACTS, LISTS, PHRASES, SOUNDS

__all__ = ["Inventor", "first_upper"]

#: Codas and endings are left out as often as three of them come.
_NOTHING = ["", "", ""]
#: What stands behind a word inside a text, and how often in a hundred.
_MARKS = {"": 81, ",": 6, "'s": 3, "-{thing}": 3, " {year}": 3, " '{topic}'": 2, ' "{topic}"': 2}


def first_upper(text: str) -> str:
    """The text with a capital first letter and the rest as it is (str.capitalize lowers names)."""
    return text[:1].upper() + text[1:]


class _Drawn(dict[str, str]):
    """The values of a template: those given, and fresh draws for every other name."""

    def __init__(self, source: "Inventor", given: dict[str, str]) -> None:
        super().__init__(given)
        self._source = source

    def __missing__(self, name: str) -> str:
        return self._source.draw(name)


class Inventor:
    """Words, topics, names, senseless texts and filled templates, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        #: tokens of letters, for words that practise every one of them; see `invented`
        self.pieces: list[str] = []

    def chance(self, share: float) -> bool:
        """True in that share of cases."""
        return self.rng.random() < share

    def fill(self, template: str, **given: str) -> str:
        """The template with the given values, and a new draw at each other place."""
        return template.format_map(_Drawn(self, given))

    def phrase(self, family: str, part: str, **given: str) -> str:
        """One of the phrases of a family, filled."""
        return self.fill(self.rng.choice(PHRASES[family][part]), **given)

    def draw(self, name: str) -> str:
        """A value for a place of a template: a kind of invention, or an entry of the list of that name."""
        match name:
            case "topic" | "invented" | "name":
                return str(getattr(self, name)())
            case "words":
                return self.words(4, 12)
            case "Words":
                return first_upper(self.words(4, 12))
            case "year":
                return str(self.rng.randint(0, 2030))
            case "hero":
                return self.rng.choice(LISTS["names"])
            case "place" | "adjective" | "verb" | "thing" | "job" | "end":
                return self.fill(self.rng.choice(LISTS[name + "s"]))
            case _:
                return self.rng.choice(LISTS[name])

    def invented(self) -> str:
        """A word that no list holds: syllables, sometimes plain letters, so that every sub-word gets copied.

        With `pieces`, some are put together of those: syllables alone leave tokens that training never shows in a copy.
        """
        if self.pieces and self.chance(0.35):
            return "".join(self.rng.choices(self.pieces, k=self.rng.choice((1, 2, 2, 3))))
        if self.chance(0.15):
            return "".join(self.rng.choices(string.ascii_lowercase, k=self.rng.randint(2, 7)))
        parts = [
            self.rng.choice(SOUNDS["onsets"])
            + self.rng.choice(SOUNDS["vowels"])
            + self.rng.choice(_NOTHING + SOUNDS["codas"])
            for _ in range(self.rng.choice((1, 1, 2, 2, 3)))
        ]
        return "".join(parts) + self.rng.choice(_NOTHING + SOUNDS["endings"])

    def topic(self) -> str:
        """Something to ask about that has no fact: one to three words, two times in three made up."""
        words = [self.invented() if self.chance(0.65) else self.rng.choice(LISTS["things"])]
        if self.chance(0.35):
            words.insert(0, self.rng.choice(LISTS["adjectives"]) if self.chance(0.5) else self.invented())
        if self.chance(0.2):
            words = [word.capitalize() for word in words]
        if self.chance(0.12):
            words += [self.rng.choice(("of", "in", "and", "for", "the")), self.invented()]
        topic = " ".join(words)
        return self.topic() if topic in FACTS else topic

    def subject(self) -> str:
        """A topic, sometimes in a longer phrase."""
        return self.phrase("tell", "longer", x=self.topic()) if self.chance(0.2) else self.topic()

    def name(self) -> str:
        """A first name, more often made up than listed."""
        return self.rng.choice(LISTS["names"]) if self.chance(0.4) else self.invented().capitalize()

    def words(self, low: int, high: int) -> str:
        """Between `low` and `high` words without sense, some with a mark behind them."""
        count = self.rng.randint(low, high)
        kinds = self.rng.choices(
            ("filler", "thing", "invented", "verb", "adjective", "name"), (2, 1, 1, 1, 1, 1), k=count
        )
        marks = [*self.rng.choices(list(_MARKS), list(_MARKS.values()), k=count - 1), ""]
        return " ".join(self.draw(kind) + self.fill(mark) for kind, mark in zip(kinds, marks, strict=True))
