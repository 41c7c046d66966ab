"""The messages around a call: the call itself, what the tool answers, and how the answer is told."""

import json

from calls import Call
from samples import Message
from toolbox import Toolbox
from words import TOOLS

__all__ = ["Results"]


class Results(Toolbox):
    """Calls and their results as messages."""

    @staticmethod
    def calling(calls: list[Call], ids: list[str]) -> Message:
        """The message of an assistant that calls tools."""
        items = [
            {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
            for (name, arguments), key in zip(calls, ids, strict=True)
        ]
        return {"role": "assistant", "content": "", "tool_calls": items}

    def ids(self, calls: list[Call]) -> list[str]:
        return [f"call_{self.rng.getrandbits(32):08x}" for _ in calls]

    def result(self) -> str:
        """What a tool answers: a sentence, a value, or JSON."""
        if self.chance(0.3):
            keys = list(
                dict.fromkeys(self.draw(self.rng.choice(("invented", "thing"))) for _ in range(self.rng.randint(1, 4)))
            )
            values = [self.number() if self.chance(0.4) else self._value_of_result() for _ in keys]
            compact = {"separators": (",", ":")} if self.chance(0.5) else {}
            return json.dumps(dict(zip(keys, values, strict=True)), **compact)  # type: ignore[arg-type]  # separators only
        return self.fill(self.rng.choice(TOOLS["answers"]["sentences"]))

    def _value_of_result(self) -> str:
        return self.topic() if self.chance(0.7) else self.words(2, 5).replace('"', "")

    @staticmethod
    def results(calls: list[Call], ids: list[str], results: list[str]) -> list[Message]:
        return [
            {"role": "tool", "tool_call_id": key, "name": name, "content": result}
            for (name, _), key, result in zip(calls, ids, results, strict=True)
        ]

    def told_of(self, results: list[str]) -> str:
        answers = TOOLS["answers"]
        parts = []
        for result, ways in zip(results, (answers["result"], answers["second"]), strict=False):
            words = result.split()
            if len(words) > 16:
                parts.append(self.fill(self.rng.choice(answers["begins"]), x=" ".join(words[:4]).rstrip(",.!?")))
            else:
                parts.append(self.fill(self.rng.choice(ways), x=result or "nothing"))
        return "".join(parts)
