"""Conversations of models that call tools, think, and fill documents. `python generate.py --arch qwen3` shows some."""

import json
from typing import TYPE_CHECKING

from calls import Call, Callers
from documents import Documents
from families import Turn
from results import Results
from samples import Sample
from words import TOOLS
from world import World

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AgentWorld"]

#: Kinds of questions that are answered without a tool, even where there are some.
_SMALL_TALK = ("hello", "talk", "greet", "identity")
_THOUGHTS: dict[str, list[str]] = TOOLS["thoughts"]


class AgentWorld(Callers, Results, Documents, World):
    """The small world, and tools in it. `thinking` is the share of conversations with reasoning before the answer."""

    def __init__(self, seed: int, model: str, thinking: float) -> None:
        super().__init__(seed, model)
        self.thinking = thinking
        #: a way to make a sample -> its share
        self.kinds: dict[Callable[[], Sample], int] = {getattr(self, name): n for name, n in TOOLS["shares"].items()}

    def sample(self) -> Sample:
        """One conversation."""
        return self._thinking(self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]())

    def _thinking(self, sample: Sample) -> Sample:
        """The sample, in its share of cases with reasoning."""
        if self.chance(self.thinking):
            sample.thinking = True
            sample.reasoning = sample.reasoning or self.thought(self._question(sample), sample.kinds[-1])
        return sample

    def short(self) -> Sample:
        """One conversation without tools, to begin with: copying is learned on them in a fraction of the time."""
        sample = self.documented() if self.chance(0.15) else self.plainly()
        return self._thinking(sample)

    def plainly(self) -> Sample:
        """A conversation without tools."""
        return super().sample()

    def json_keys(self) -> Turn:
        """As in every world, but compact, as documents are."""
        question, answer = super().json_keys()
        return question, json.dumps(json.loads(answer), separators=(",", ":"))

    def json_topic(self) -> Turn:
        """As in every world, but compact, as documents are."""
        question, answer = super().json_topic()
        return question, json.dumps(json.loads(answer), separators=(",", ":"))

    def called(self) -> Sample:
        """A request that one or two calls answer."""
        sample, calls = self._asked()
        sample.messages.append(self.calling(calls, self.ids(calls)))
        return sample

    def told(self) -> Sample:
        """The results of calls are there: the answer quotes them."""
        sample, calls = self._asked()
        ids, results = self.ids(calls), [self.result() for _ in calls]
        sample.messages.append(self.calling(calls, ids))
        sample.messages += self.results(calls, ids, results)
        sample.messages.append({"role": "assistant", "content": self.told_of(results)})
        sample.kinds, sample.reasoning = ["told"], self._thought("result")
        return sample

    def chatted(self) -> Sample:
        """Small talk, though there are tools."""
        sample = Sample([], tools=[self.tool().definition for _ in range(self.rng.choice((1, 1, 1, 2)))])
        kind = self.rng.choice(_SMALL_TALK)
        question, answer = getattr(self, kind)()
        sample.kinds = [kind]
        self._before(sample)
        sample.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return sample

    def documented(self) -> Sample:
        """A question whose answer a grammar shapes into a document."""
        question, document = self.document()
        sample = Sample([(question, "".join(text for text, _ in document))], kinds=["document"], document=document)
        if self.chance(0.4):
            sample.system = self.phrase("system", "texts")
        return sample

    def thought(self, question: str, kind: str) -> str:
        """The beginning of the question and what is to be done about it."""
        words = question.split()
        beginning = " ".join(words[:10]) + (" ..." if len(words) > 10 else "")
        beginning = beginning if beginning[-1:] in ("?", ".", "!") else beginning + "."
        return self._thought("wrote", x=beginning).removesuffix(".") + self._thought(kind)

    def _thought(self, part: str, **given: str) -> str:
        return self.fill(self.rng.choice(_THOUGHTS[part]), **given)

    def _asked(self) -> tuple[Sample, list[Call]]:
        """A request among some tools, and the calls that answer it."""
        made = [self.tool() for _ in range(self.rng.choices((1, 2, 3, 4), (42, 38, 15, 5))[0])]
        tools = list({tool.word: tool for tool in made}.values())
        chosen = self.rng.choice(tools)
        sample = Sample([], tools=[tool.definition for tool in tools], kinds=["called"])
        self._before(sample)
        strings = len(chosen.filled) == 1 and chosen.filled[0].kind == "string"
        if strings and self.chance(0.2):
            question, calls = self.twice(chosen)
        else:
            question, calls = self.request(chosen, alone=len(sample.tools) == 1)
        sample.messages.append({"role": "user", "content": question})
        plan = (
            self._thought("two", n=calls[0][0], m=calls[1][0])
            if len(calls) > 1
            else self._thought("one", n=calls[0][0])
        )
        sample.reasoning = self.thought(question, "nothing") + plan
        return sample, calls

    def _before(self, sample: Sample) -> None:
        """Now and then a system text and an earlier turn."""
        if self.chance(0.35):
            sample.messages.append({"role": "system", "content": self.phrase("system", "texts")})
        if self.chance(0.12):
            question, answer = getattr(self, self.rng.choice(_SMALL_TALK))()
            sample.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        elif self.chance(0.06):
            tool, result = self.tool(), [self.result()]
            question, calls = self.request(tool, alone=True)
            ids = self.ids(calls)
            sample.tools.append(tool.definition)
            sample.messages += [{"role": "user", "content": question}, self.calling(calls, ids)]
            sample.messages += self.results(calls, ids, result)
            sample.messages.append({"role": "assistant", "content": self.told_of(result)})

    @staticmethod
    def _question(sample: Sample) -> str:
        asked = [message["content"] for message in sample.conversation() if message["role"] == "user"]
        return str(asked[-1])
