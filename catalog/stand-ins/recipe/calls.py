"""Requests for tools, and the calls that answer them: every argument stands in the request."""

from typing import Any

from toolbox import Parameter, Tool, Toolbox
from words import CATEGORIES, LISTS, TOOLS

__all__ = ["Call", "Callers"]

#: A tool's name and its arguments.
Call = tuple[str, dict[str, Any]]

_ASKS: dict[str, list[str]] = TOOLS["asks"]


class Callers(Toolbox):
    """Requests that a tool answers."""

    def request(self, tool: Tool, alone: bool) -> tuple[str, list[Call]]:
        """What a user asks, and the one call for it. With `alone` the tool need not be named."""
        fields = tool.filled
        plain = [parameter for parameter in fields if parameter.kind in ("string", "number", "integer", "array")][:2]
        values = [self._value(parameter) for parameter in plain]
        if [parameter.kind for parameter in plain] == ["string", "string"] and self.chance(0.06):
            values = [values[0]] * 2  # one value in the request, two strings to fill
            text = self._sentence(tool, plain[:1], values[:1], alone)
        else:
            text = self._sentence(tool, plain, [*map(self._shown, values)], alone)
        given = dict(zip((parameter.name for parameter in plain), values, strict=True))
        for parameter in fields:
            if parameter not in plain:
                text, given[parameter.name] = self._more(text, parameter)
        return text, [(tool.name, {p.name: self._typed(p, given[p.name]) for p in fields})]

    def twice(self, tool: Tool) -> tuple[str, list[Call]]:
        """A request for two calls of a tool with one string."""
        name, (a, b) = tool.filled[0].name, (self._place(), self._place())
        text = self.fill(
            self.rng.choice(
                (
                    "What is the {w} in {a} and in {b}?",
                    "{Verb} the {w} of {a} and of {b}.",
                    "{w} in {a} and in {b}",
                    "Use {n} for {a} and for {b}.",
                    "{Verb} the {w} for {a} and for {b} {tail}",
                    "Compare the {w} in {a} and in {b}.",
                )
            ),
            w=tool.word,
            n=tool.name,
            Verb=tool.verb.capitalize(),
            a=a,
            b=b,
        )
        return text, [(tool.name, {name: a}), (tool.name, {name: b})]

    def _sentence(self, tool: Tool, plain: list[Parameter], values: list[str], alone: bool) -> str:
        given = {"w": tool.word, "n": tool.name, "verb": tool.verb, "Verb": tool.verb.capitalize()}
        if self.chance(0.4):
            del given["verb"], given["Verb"]
        if len(plain) == 1:
            asks = _ASKS["bare"] if alone and self.chance(0.3) else _ASKS["1"]
            return self.fill(self.rng.choice(asks), v=values[0], p=plain[0].name, **given)
        if not plain:
            return self.fill(self.rng.choice(_ASKS["0"]), **given)
        (p, q), (a, b) = (plain[0].name, plain[1].name), values
        return self.fill(self.rng.choice(_ASKS["2"]), p=p, q=q, a=a, b=b, **given)

    def _more(self, text: str, parameter: Parameter) -> tuple[str, Any]:
        """The request with a further value behind it."""
        end = text[-1] if text[-1:] in (".", "?") else ""
        text = text.removesuffix(end)
        if parameter.kind == "boolean":
            return text + (f" with {parameter.name}" if self.chance(0.3) else "") + end, True
        if parameter.kind == "choice":
            if self.chance(0.2):
                return text + end, parameter.choices[0]
            value, asks = self.rng.choice(parameter.choices), _ASKS["choice"]
        else:
            value, asks = self._value(parameter), _ASKS["more"]
        return text + self.fill(self.rng.choice(asks), p=parameter.name, v=value) + end, value

    def _value(self, parameter: Parameter) -> str:
        """A value as it stands in a request."""
        if parameter.kind == "integer":
            return str(int(self.number()))
        if parameter.kind == "number":
            return str(self.number())
        match self.rng.randrange(14):
            case 0 | 1 | 2 | 3:
                return self._place()
            case 4:
                return f"{self.name().lower()}@{self.invented()}.{self.rng.choice(('com', 'org', 'example'))}"
            case 5:
                return f"{self.rng.randint(1990, 2030)}-{self.rng.randint(1, 12):02}-{self.rng.randint(1, 28):02}"
            case 6:
                return f"{self.name()} {self.invented().capitalize()}"
            case 7:
                return self.draw("invented").upper()
            case 8:
                return f"{self.draw('adjective')} {self.draw('thing')}"
            case 9 | 10:
                return self.invented()
            case 11:
                return f"{self.draw('invented')[:2].upper()}{self.rng.randint(1, 9999)}"
            case 12:
                return f"{self.invented()} {self.draw('filler')} {self.topic()}"
            case _:
                return self.draw("thing")

    def _shown(self, value: str) -> str:
        """The value as a request writes it: what has several small words stands in quotes."""
        if value.count(" ") > 1 and value == value.lower():
            return f'"{value}"' if self.chance(0.6) else f"'{value}'"
        return value

    def _place(self) -> str:
        if self.chance(0.3):
            return self.rng.choice(CATEGORIES["city"])
        place = self.invented().capitalize()
        if self.chance(0.2):
            place = f"{self.rng.choice(('New', 'San', 'Los', 'Saint', 'Port'))} {place}"
        if self.chance(0.1):
            place = f"{place}, {self.rng.choice(LISTS['names'])}"
        return place

    @staticmethod
    def _typed(parameter: Parameter, value: Any) -> Any:
        match parameter.kind:
            case "integer":
                return int(value)
            case "number":
                return float(value) if "." in value else int(value)
            case "array":
                return [value]
            case _:
                return value
