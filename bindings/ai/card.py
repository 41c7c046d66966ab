"""What the catalog knows of one model: the parsed front matter, the same for all three generations of file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path  # noqa: TC003 -- msgspec reads the annotations when the struct is first used
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from paddock.bindings.ai.engines.work import PoolingType  # noqa: TC001 -- as above
from paddock.bindings.ai.schema import Schema  # noqa: TC001 -- as above

__all__ = ["EngineCard", "ModelCard", "Property", "Task"]

#: A folder, adapter or parser name: one path segment that cannot climb.
_SEGMENT: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Task(msgspec.Struct, frozen=True):
    """A kind of work, as Cloudflare lists it. Early files have no description."""

    id: str
    name: str
    description: str | None = None


class Property(msgspec.Struct, frozen=True):
    """One row of a model's properties. `value` is passed on as it stands: text, a list or an object."""

    property_id: str
    value: object


class EngineCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `paddock` table of a model file: what an engine needs and Cloudflare's own fields do not tell.

    Every key may be left out; what is unknown is then taken from the checkpoint, or not known.
    """

    #: Where the weights are published: `owner/name` on Hugging Face.
    repository: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")] | None = None
    #: Branch, tag or commit of the repository; None is its main branch.
    revision: str | None = None
    #: Name of the model class, as in the checkpoint's config.json.
    architecture: str | None = None
    #: As published, rounded as published.
    parameters: Annotated[int, Meta(gt=0)] | None = None
    #: Number format of the published weights.
    quantization: str | None = None
    #: Prompt and answer together, in tokens.
    context_tokens: Annotated[int, Meta(gt=0)] | None = None
    #: Length of the vectors of an embedding model, and how those of a text's tokens become one.
    dimensions: Annotated[int, Meta(gt=0)] | None = None
    pooling: PoolingType | None = None
    #: Names of a classifier's labels, in the order of its outputs: servers on other machines name one of them alone.
    labels: tuple[str, ...] = ()
    licence: str | None = None
    #: Weight of one request against the others, as hosts count it.
    concurrency_cost: Annotated[int, Meta(ge=1)] = 1
    #: Jinja: messages -> the model's documented prompt format. None: the checkpoint's own template.
    chat_template: str | None = None
    #: vLLM's name of the parser that reads the model's tool calls; None: the model is given no tools.
    tool_parser: Annotated[str, Meta(pattern=_SEGMENT)] | None = None
    #: vLLM's name of the parser that reads what the model thinks before it answers; None: all of it is the answer.
    reasoning_parser: Annotated[str, Meta(pattern=_SEGMENT)] | None = None
    #: Folder below `stand-ins/`; None: the model has no stand-in.
    stand_in: Annotated[str, Meta(pattern=_SEGMENT)] | None = None
    #: LoRA adapters that ship for the stand-in: name -> folder below the catalog folder.
    adapters: dict[str, str] = {}


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One model. Schemas stay as the file has them; `schema` is the compiled form of `input_schema`."""

    id: str
    #: 1 for `@cf/` names, 2 for `@hf/` names.
    source: int
    #: The model id that `env.AI.run` takes, upper and lower case as written.
    name: str
    description: str | None
    task: Task | None
    #: The task's name in lower case with hyphens: `text-generation`. Empty when the file names no task.
    task_type: str
    tags: tuple[str, ...]
    properties: tuple[Property, ...]
    #: `YYYY-MM-DD HH:MM:SS.mmm` without a zone, as written; early files have none.
    created_at: str | None = None
    deprecated: bool = False
    #: None: the file has no schema, and inputs are not checked.
    input_schema: dict[str, object] | None = None
    output_schema: dict[str, object] | None = None
    schema: Schema
    #: None for a file without the `paddock` table, such as one of Cloudflare's own.
    paddock: EngineCard | None = None
    file: Path
    #: The catalog folder that the file was found in.
    folder: Path

    def value_of(self, property_id: str) -> object:
        """The value of a property; None when the model has none of this id. Absence means false or unknown."""
        return next((item.value for item in self.properties if item.property_id == property_id), None)

    def declares_input(self, name: str) -> bool:
        """True when a branch of the input schema has a property of this name."""
        return name in self._declared_inputs

    def declares_output(self, name: str) -> bool:
        """True when a branch of the output schema has a property of this name."""
        return name in self._declared_outputs

    @cached_property
    def _declared_inputs(self) -> frozenset[str]:
        return _declared(self.input_schema)

    @cached_property
    def _declared_outputs(self) -> frozenset[str]:
        return _declared(self.output_schema)

    @cached_property
    def input_properties(self) -> dict[str, dict[str, object]]:
        """Every property of the input schema, however deep it lies, as in `output_properties`."""
        return _properties(self.input_schema)

    @cached_property
    def output_properties(self) -> dict[str, dict[str, object]]:
        """Every property of the output schema, however deep it lies: name -> its schema; of several, the outermost."""
        return _properties(self.output_schema)

    @property
    def is_beta(self) -> bool:
        return self.value_of("beta") in ("true", True)

    @property
    def takes_lora(self) -> bool:
        """True when the model takes adapters: it has the property `lora`, or its schema has such an input."""
        return self.value_of("lora") in ("true", True) or self.declares_input("lora")

    @property
    def takes_batches(self) -> bool:
        """True when the model takes asynchronous batches: it has the property, or its schema has the input."""
        return self.value_of("async_queue") in ("true", True) or self.declares_input("requests")

    @property
    def takes_tools(self) -> bool:
        """True when its file says how the model writes tool calls."""
        return self.paddock is not None and self.paddock.tool_parser is not None

    @property
    def sees(self) -> bool:
        """True when the model's conversations may have pictures.

        It has the property `vision`, or its schema says so, as those of 2024 and 2025 do without the property: an input
        `image`, or parts whose URL has to be data. Schemas of 2026 have parts with any URL, for blind models too.
        """
        if self.value_of("vision") in ("true", True):
            return True
        properties = _properties(self.input_schema)
        url = properties.get("url", {}) if "image_url" in properties else {}
        return "image" in properties or str(url.get("pattern", "")).startswith("^data:")

    @property
    def output_media_types(self) -> tuple[str, ...]:
        """Every `contentType` of the output schema, in its order. Which one applies is decided by the inputs."""
        return tuple(dict.fromkeys(_media_types(self.output_schema)))


def _declared(schema: object) -> frozenset[str]:
    """Names of the properties of every branch."""
    declared = (branch.get("properties") for branch in _branches(schema))
    return frozenset(name for properties in declared if isinstance(properties, dict) for name in properties)


def _properties(schema: object) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    waiting = [schema]
    while waiting:
        for branch in _branches(waiting.pop(0)):
            properties = branch.get("properties")
            for name, inner in properties.items() if isinstance(properties, dict) else ():
                if isinstance(inner, dict):
                    found.setdefault(name, inner)
                    waiting.append(inner)
            waiting.append(branch.get("items"))
    return found


def _branches(schema: object) -> list[dict[str, object]]:
    """The schema and, however deep, the branches of its choices; not what lies inside properties."""
    found: list[dict[str, object]] = []
    waiting = [schema]
    while waiting:
        branch = waiting.pop(0)
        if isinstance(branch, dict):
            found.append(branch)
            for keyword in ("oneOf", "anyOf", "allOf"):
                options = branch.get(keyword)
                waiting += options if isinstance(options, list) else []
    return found


def _media_types(schema: object) -> list[str]:
    types = [branch.get("contentType") for branch in _branches(schema)]
    return [media_type for media_type in types if isinstance(media_type, str)]
