"""The small world of conversations that the stand-ins are trained on."""

from families import Families, Turn
from invent import first_upper
from samples import Sample

__all__ = ["World"]


class World(Families):
    """A seeded source of conversations made of the families."""

    def sample(self) -> Sample:
        """One conversation: 7 % plain text, 22 % with a system text, 16 % with earlier turns."""
        if self.chance(0.07):
            return Sample([self.plain()], raw=True, unmarked=self.chance(0.3), kinds=["raw"])
        if self.chance(0.16):
            sample = self.dialogue()
        else:
            turn, kind = self.turn()
            sample = Sample([turn], kinds=[kind])
        if self.chance(0.22):
            self.instruct(sample)
        sample.unmarked = self.chance(0.03)
        return sample

    def turn(self) -> tuple[Turn, str]:
        """A question with its answer, and the name of its family."""
        family = self.rng.choices(list(self.families), list(self.families.values()))[0]
        return family(), family.__name__

    def dialogue(self) -> Sample:
        """Two or three turns; in half of them the last one needs an earlier one."""
        picked = [self.turn() for _ in range(self.rng.choice((2, 2, 3)))]
        sample = Sample([turn for turn, _ in picked], kinds=[kind for _, kind in picked])
        if self.chance(0.25):
            name = self.name()
            sample.replace(0, self.phrase("greet", "mine", x=name), self.phrase("greet", "mine_answer", x=name))
            asked = self.rng.choice(("What is my name?", "what is my name?", "Who am I?"))
            sample.replace(-1, asked, f"Your name is {name}.")
        elif self.chance(0.3):
            x = self.topic()
            sample.replace(-2, self.phrase("tell", "ask", x=x), self.phrase("tell", "unknown", x=x))
            sample.replace(-1, self.phrase("more", "ask"), self.phrase("more", "answer", x=x))
        return sample

    def instruct(self, sample: Sample) -> None:
        """Give the sample a system text, sometimes one that the last answer must heed."""
        sample.system = self.phrase("system", "texts")
        if self.chance(0.2):
            x = self.name()
            sample.system = self.phrase("identity", "named", x=x)
            asked = self.phrase("identity", "asked")
            sample.replace(-1, asked, self.phrase("identity", "name", x=x, model=self.model))
        elif self.chance(0.15):
            x = self.topic()
            sample.system = self.phrase("identity", "persona", x=x)
            asked = self.phrase("identity", "asked")
            sample.replace(-1, asked, self.phrase("identity", "plays", x=x, model=self.model))

    def plain(self) -> Turn:
        """Text without a prompt format and how it goes on: a tale, a question, a dialogue, a function, any text."""
        x, (question, answer) = self.topic(), self.turn()[0]
        hero, work = self.draw("hero"), self.draw("job")
        match self.rng.randrange(6):
            case 0 | 1:
                beginning = self.phrase("raw", "tale", x="{x}")
                if "{x}" not in beginning:
                    return beginning, self.phrase("raw", "tale_open", hero=hero, work=work)
                return beginning.replace("{x}", x), self.phrase("raw", "tale_end", x=x, hero=hero, work=work)
            case 2:
                return question, answer
            case 3:
                return f"{self.name()}: {question}\n{self.name()}:", answer
            case 4:
                return f"def {self.invented()}({self.invented()}):", "return None"
            case _:
                return first_upper(self.words(1, 8)), self.phrase("raw", "answer")
