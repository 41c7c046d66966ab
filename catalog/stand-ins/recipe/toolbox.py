"""Invented tools as clients define them: their names, parameters, and the many shapes of their JSON Schemas."""

from dataclasses import dataclass, field
from typing import Any

from invent import Inventor, first_upper
from words import TOOLS, split

__all__ = ["Parameter", "Tool", "Toolbox"]

_LISTS: dict[str, list[str]] = {
    name: split(TOOLS[name]) for name in ("words", "verbs", "parameters", "kinds", "choices", "tails")
}
_DRAFTS = ("http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema")
#: kind of a parameter -> how often
_KINDS = {"string": 66, "number": 9, "integer": 8, "choice": 9, "boolean": 4, "array": 4}


@dataclass
class Parameter:
    """A parameter of a tool: `kind` is its JSON type, or "choice" for one of `choices`."""

    name: str
    kind: str = "string"
    choices: list[str] = field(default_factory=list)
    required: bool = True


@dataclass
class Tool:
    """A tool: what it is about, the verb for it, its parameters, and the definition that a client sends."""

    name: str
    word: str
    verb: str
    parameters: list[Parameter]
    definition: dict[str, Any]

    @property
    def filled(self) -> list[Parameter]:
        """The parameters that a call fills."""
        return [parameter for parameter in self.parameters if parameter.required]


class Toolbox(Inventor):
    """A source of tools."""

    def draw(self, name: str) -> str:
        """A value for a place of a template; adds the places of tools.toml to those of the other phrases."""
        match name:
            case "Verb":
                return first_upper(self.draw("verb"))
            case "Word":
                return first_upper(self.draw("adjective"))
            case "tail":
                return self.rng.choice(_LISTS["tails"])
            case "number":
                return str(self.number())
            case _:
                return super().draw(name)

    def number(self) -> int | float:
        """A number as people type them."""
        top = self.rng.choice((10, 10, 100, 1000, 2030))
        return self.rng.randint(0, top) if self.chance(0.85) else self.rng.randint(0, 10 * top) / 10

    def tool(self) -> Tool:
        """A new tool with up to three parameters, most of them to be filled."""
        word = self.rng.choice(_LISTS["words"]) if self.chance(0.4) else self.invented()
        word = self.draw("thing") if self.chance(0.1) else word
        verb = self.rng.choice(_LISTS["verbs"])
        names = self._names(self.rng.choices((0, 1, 2, 3), (6, 56, 28, 10))[0])
        parameters = list({made.name: made for made in map(self._parameter, names)}.values())
        opaque = self.chance(0.1)
        given = {"w": word, "verb": verb, "Verb": first_upper(verb), "p": names[0] if names else self.draw("thing")}
        name = self._cased(self.fill(self.rng.choice(TOOLS["opaque" if opaque else "names"]), **given))
        described = opaque or self.chance(0.88)
        description = self.fill(self.rng.choice(TOOLS["descriptions"]), **given) if described else ""
        definition = self._definition(name, description, parameters, given)
        return Tool(name, word, verb, parameters, definition)

    def _names(self, count: int) -> list[str]:
        names = [self.rng.choice(_LISTS["parameters"]) if self.chance(0.6) else self.invented() for _ in range(count)]
        names = [f"{name}_{self.draw('thing')}" if self.chance(0.1) else name for name in names]
        return list(dict.fromkeys(self._cased(name) for name in names))

    def _cased(self, name: str) -> str:
        """The name in snake_case, or now and then in camelCase."""
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest) if rest and self.chance(0.25) else name

    def _parameter(self, name: str) -> Parameter:
        kind = self.rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        parameter = Parameter(name, kind, required=self.chance(0.85))
        if kind == "choice":
            parameter.name = self.rng.choice(_LISTS["kinds"]) if self.chance(0.6) else name
            pool = _LISTS["choices"] if self.chance(0.6) else [self.invented() for _ in range(4)]
            parameter.choices = list(dict.fromkeys(self.rng.sample(pool, self.rng.randint(2, 4))))
        return parameter

    def _definition(
        self, name: str, description: str, fields: list[Parameter], given: dict[str, str]
    ) -> dict[str, Any]:
        """The definition in the shape of one of the usual clients."""
        titled, described = self.chance(0.2), self.chance(0.65)
        properties = {}
        for parameter in fields:
            schema = self._schema(parameter)
            if described and self.chance(0.85):
                meaning = self.fill(self.rng.choice(TOOLS["meanings"]), **(given | {"p": parameter.name}))
                schema = self._mixed(schema | {"description": meaning})
            if titled:
                schema = {"title": parameter.name.replace("_", " ").title()} | schema
            properties[parameter.name] = schema
        parts: dict[str, Any] = {"type": "object", "properties": properties}
        required = [parameter.name for parameter in fields if parameter.required]
        if required and self.chance(0.92):
            parts["required"] = required
        else:  # nothing is said to be required: a call fills everything
            for parameter in fields:
                parameter.required = True
        if self.chance(0.35):
            parts["additionalProperties"] = False
        if self.chance(0.2):
            parts = {"$schema": self.rng.choice(_DRAFTS)} | parts
        parts = parts | {"title": name} if titled and self.chance(0.5) else parts
        function: dict[str, Any] = {"name": name}
        if description:
            function["description"] = description
        if fields or self.chance(0.7):
            function["parameters"] = self._mixed(parts) if self.chance(0.3) else parts
        if self.chance(0.1):
            function["strict"] = True
        return {"type": "function", "function": function}

    def _schema(self, parameter: Parameter) -> dict[str, Any]:
        match parameter.kind:
            case "choice":
                return self._mixed({"type": "string", "enum": parameter.choices})
            case "array":
                return {"type": "array", "items": {"type": "string"}}
            case kind:
                return {"type": kind}

    def _mixed(self, members: dict[str, Any]) -> dict[str, Any]:
        """The same members in another order."""
        return dict(self.rng.sample(list(members.items()), len(members)))
