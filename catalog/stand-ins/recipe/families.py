"""The families of questions: every method returns one (question, answer). Their wording is in phrases.toml."""

import json
from typing import TYPE_CHECKING

from invent import Inventor, first_upper
from words import CATEGORIES, COLOURS, FACTS, LISTS, PHRASES, SHARES, VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Families", "Turn"]

Turn = tuple[str, str]

_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}
_PLURALS = {"fruit": "fruits", "city": "cities"}


class Families(Inventor):
    """All families and their proportions. `model` is the public name of the model that the stand-in stands for."""

    def __init__(self, seed: int, model: str) -> None:
        super().__init__(seed)
        self.model = model
        #: family -> its share among all questions
        self.families: dict[Callable[[], Turn], int] = {getattr(self, name): share for name, share in SHARES.items()}

    def tell(self) -> Turn:
        """Tell me about X: a known fact, or an honest sentence that names X."""
        known = self.chance(0.3)
        x = self.rng.choice(list(FACTS)) if known else self.subject()
        fact = FACTS[x] if known else ""
        return self.phrase("tell", "ask", x=x), self.phrase("tell", "known" if known else "unknown", x=x, fact=fact)

    def free(self) -> Turn:
        """Any other question: the answer quotes it and says that it is beyond a stand-in."""
        if self.chance(0.3):
            question = f"{self.rng.choice(PHRASES['free']['starts'])} {self.words(2, 14)}?"
        else:
            question = self.phrase("free", "ask", x=self.topic())
        if self.chance(0.12):
            question = question.removesuffix("?")
        return question, self.quoted("asked", question)

    def order(self) -> Turn:
        """Any other text that is no question."""
        if self.chance(0.3):
            text = self.words(1, 14) + self.rng.choice((".", "", "!", " :)"))
            text = first_upper(text) if self.chance(0.7) else text
        else:
            text = self.phrase("free", "order", x=self.topic(), language=self.rng.choice(list(COLOURS)))
            text = first_upper(text) if self.chance(0.5) else text
        return text, self.quoted("wrote", text)

    def quoted(self, verb: str, text: str) -> str:
        """You asked: TEXT I am only a small stand-in, so I cannot say."""
        end = "" if text[-1] in "?.!" else "."
        return f"You {verb}: {text}{end} {self.phrase('free', 'because')}"

    def long(self) -> Turn:
        """A long text: the answer quotes its first words only."""
        text = " ".join(
            first_upper(self.words(4, 12)) + self.rng.choice("...!?") for _ in range(self.rng.randint(3, 7))
        )
        if self.chance(0.3):
            text = text.replace(". ", "\n")
        beginning = " ".join(text.split()[:4]).rstrip(",.!?")
        return text, f"You wrote a long text that begins: {beginning}. {self.phrase('free', 'because')}"

    def numbers(self) -> Turn:
        """Arithmetic, which a model of this size does not learn: the answer names the numbers and declines."""
        top = self.rng.choice((12, 100, 1000))
        a, b = self.rng.randint(0, top), self.rng.randint(0, top)
        sign = self.rng.choice((" + ", " + ", "+", " - ", "-", " * ", "*", " / ", " plus ", " minus ", " times "))
        return self.phrase("numbers", "ask", x=f"{a}{sign}{b}"), self.phrase("numbers", "answer", a=str(a), b=str(b))

    def repeat(self) -> Turn:
        """Say X: X."""
        text = self.words(1, 10) + self.rng.choice(("", ".", "!"))
        text = first_upper(text) if self.chance(0.5) else text
        return self.phrase("repeat", "ask", x=text), text

    def json_keys(self) -> Turn:
        """A JSON object with given keys."""
        known = self.rng.sample(LISTS["keys"], self.rng.randint(1, 4))
        keys = [key if self.chance(0.6) else self.draw(self.rng.choice(("invented", "thing"))) for key in known]
        keys = list(dict.fromkeys(keys))
        shown = [f'"{key}"' for key in keys] if self.chance(0.5) else keys
        listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
        x = f"{'key' if len(keys) == 1 else 'keys'} {listed}{self.rng.choice(('.', ''))}"
        return self.phrase("json", "keys", x=x), json.dumps(
            {k: self.rng.choice(VALUES.get(k, ["example"])) for k in keys}
        )

    def json_topic(self) -> Turn:
        """A JSON object about X."""
        x = self.topic()
        return self.phrase("json", "topic", x=x), json.dumps({"text": f"This is about {x}", "source": "stand-in"})

    def summarise(self) -> Turn:
        """A summary, which is the first sentence."""
        lead = self.phrase("summary", "lead")
        rest = " ".join(self.phrase("summary", "rest") for _ in range(self.rng.randint(1, 5)))
        order = self.phrase("summary", "ask") + self.phrase("summary", "tail")
        return f"{order}:{self.rng.choice((' ', chr(10)))}{lead} {rest}", f"In short: {lead}"

    def sentiment(self) -> Turn:
        """Positive or negative."""
        label, tones, feelings = self.rng.choice((("Positive.", "good", "like"), ("Negative.", "bad", "dislike")))
        template = self.rng.choice(PHRASES["sentiment"]["text"]).replace("{tone}", f"{{{tones}}}")
        text = self.fill(template.replace("{feel}", f"{{{feelings}}}"), x=self.topic())
        return self.phrase("sentiment", "ask", x=text), label

    def listing(self) -> Turn:
        """A numbered list of things of a category, or of kinds of X."""
        count = self.rng.choice((2, 3, 3, 3, 4, 5))
        if self.chance(0.3):
            category = self.rng.choice(list(CATEGORIES))
            x, items = _PLURALS.get(category, category + "s"), CATEGORIES[category][:count]
        else:
            x = self.phrase("list", "longer", x=self.topic()) if self.chance(0.3) else self.topic()
            items = [f"{adjective} {x}" for adjective in LISTS["adjectives"][:count]]
        number = _COUNTS[count] if self.chance(0.8) else str(count)
        return self.phrase("list", "ask", x=x, n=number), "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))

    def greet(self) -> Turn:
        """A greeting by name."""
        name, part = self.name(), self.rng.choice(("", "mine"))
        return self.phrase("greet", part or "ask", x=name), self.phrase(
            "greet", f"{part}_answer" if part else "answer", x=name
        )

    def hello(self) -> Turn:
        """A greeting without a name."""
        return self.phrase("greet", "hello"), self.phrase("greet", "hello_answer", model=self.model)

    def talk(self) -> Turn:
        """Small talk and a few fixed questions."""
        question, answer = self.rng.choice(PHRASES["greet"]["talk"]).split("|")
        return question, self.fill(answer, model=self.model)

    def story(self) -> Turn:
        """A story, a poem or a joke about X."""
        x, hero, work = self.topic(), self.draw("hero"), self.draw("job")
        asked, answered = self.rng.choice(
            (("ask", "answer"), ("ask", "answer"), ("open", "answer"), ("poem", "verse"), ("joke", "laugh"))
        )
        x = self.draw("thing") if asked == "open" else x
        return self.phrase("story", asked, x=x), self.phrase("story", answered, x=x, hero=hero, work=work)

    def code(self) -> Turn:
        """A Python function with a given name."""
        parts = [self.draw("invented" if self.chance(0.6) else "verb") for _ in range(self.rng.choice((1, 1, 2)))]
        name, (what, head, body) = "_".join(parts), self.rng.choice(PHRASES["code"]["bodies"]).split("|")
        x = (
            f"{self.rng.choice(('named', 'called'))} {name}"
            + (f" that {what}" if what else "")
            + self.rng.choice((".", ""))
        )
        return self.phrase("code", "ask", x=x), f"```python\ndef {name}({head}):\n    return {body}\n```"

    def identity(self) -> Turn:
        """Who are you? What can you do?"""
        asked, answered = ("able", "ability") if self.chance(0.25) else ("ask", "answer")
        return self.phrase("identity", asked, model=self.model), self.phrase("identity", answered, model=self.model)

    def translate(self) -> Turn:
        """A colour in another language."""
        language = self.rng.choice(list(COLOURS))
        colour, word = self.rng.choice(list(COLOURS[language].items()))
        return self.phrase("translate", "ask", x=colour, to=language), self.phrase(
            "translate", "answer", x=colour, to=language, word=word
        )
