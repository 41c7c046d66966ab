"""One model file -> ModelCard. Cloudflare has published three generations of file; all are read.

A: `.md`, YAML front matter between `---` lines, schemas as JSON text.  B: `.yaml`, the same keys without the fences.
C: `.json`, flat, schemas as objects.  Later ones win where one model has several (developer docs repository,
"workers-ai/models"; WA-001 to WA-015). The file is data: nothing in it is executed.
"""

from __future__ import annotations

import difflib
import re
import uuid
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from paddock.bindings.ai.card import EngineCard, ModelCard, Property, Task
from paddock.bindings.ai.schema import compile_schema
from paddock.bindings.ai.strict_yaml import YamlProblem, parse_yaml
from paddock.bindings.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GENERATIONS", "MAX_FILE_BYTES", "NotAModel", "read_model_file"]

#: File name ending -> generation. A higher one wins.
GENERATIONS: Final = {".md": 1, ".yaml": 2, ".yml": 2, ".json": 3}

#: Cloudflare's largest file has 333 kB.
MAX_FILE_BYTES: Final = 8 * 1024 * 1024

_FRONT_MATTER: Final = re.compile(r"\A\s*?^---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_T = TypeVar("_T")


class NotAModel(Exception):
    """The file describes no model (a task page, a README); the text says why."""


class _Model(msgspec.Struct, frozen=True):
    """What all generations say of a model. Unknown keys are allowed: the next generation will have some."""

    name: Annotated[str, Meta(pattern=r"^\S+$")]
    id: str = ""
    source: int | None = None
    description: str | None = None
    task: Task | None = None
    tags: tuple[str, ...] | None = None
    properties: tuple[Property, ...] | None = None
    created_at: str | None = None
    deprecated: bool | None = None


class _FrontMatter(msgspec.Struct, frozen=True):
    """Generations A and B."""

    model: _Model
    task_type: str | None = None
    json_schema: object = None
    paddock: EngineCard | None = None


class _Listing(_Model, frozen=True):
    """Generation C."""

    schema: object = None
    paddock: EngineCard | None = None


def read_model_file(file: Path, folder: Path) -> ModelCard:
    """Read one file of a catalog folder.

    Raises: NotAModel; CatalogError, which names the file and the key.
    """
    text = _read_text(file)
    document = _parse(file, text)
    if not isinstance(document, dict):
        raise NotAModel("it holds no mapping")
    if "model" in document:
        front = _convert(file, document, _FrontMatter)
        return _card(file, folder, front.model, front.paddock, "json_schema", front.json_schema, front.task_type)
    if file.suffix == ".json" and document.keys() & {"name", "task", "schema"}:
        listing = _convert(file, document, _Listing)
        return _card(file, folder, listing, listing.paddock, "schema", listing.schema, None)
    raise NotAModel("it has no `model` key" if file.suffix != ".json" else "it has no `name` key")


def _read_text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise CatalogError(str(file), "", f"cannot be read: {exc.strerror}") from exc
    if len(content) > MAX_FILE_BYTES:
        raise CatalogError(str(file), "", f"expected at most {MAX_FILE_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise CatalogError(
            str(file), "", f"expected UTF-8 text, got {content[exc.start]:#x} at byte {exc.start}"
        ) from exc


def _parse(file: Path, text: str) -> object:
    if file.suffix == ".json":
        return _decode_json(file, "", text)
    if file.suffix == ".md":
        text = _front_matter(file, text)
    try:
        return parse_yaml(text)
    except YamlProblem as exc:
        place = f"line {exc.line}"
        raise CatalogError(str(file), f"{exc.key} ({place})" if exc.key else place, str(exc)) from exc


def _front_matter(file: Path, text: str) -> str:
    """The text between the fences, with as many line breaks before it as it had, so that line numbers stay right."""
    if not text.lstrip().startswith("---"):
        raise NotAModel("it has no front matter")
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise CatalogError(str(file), "", "expected front matter between two `---` lines, got only the first")
    return "\n" * text.count("\n", 0, match.start(1)) + match[1]


def _decode_json(file: Path, key: str, text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        raise CatalogError(str(file), key, f"expected JSON: {exc}") from exc
    except RecursionError as exc:
        raise CatalogError(str(file), key, "expected JSON: it is nested too deep") from exc


def _convert(file: Path, document: dict[str, object], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as exc:
        problem, _, path = str(exc).partition(" - at `$")
        raise _located(file, problem, path.rstrip("`").lstrip(".")) from exc


def _located(file: Path, problem: str, key: str) -> CatalogError:
    """msgspec's message in the words of our errors. For a key that is missing or unknown, the key is named in full."""
    named = re.fullmatch(r"Object (missing required|contains unknown) field `(.+)`", problem)
    if named is None:
        return CatalogError(str(file), key, problem[:1].lower() + problem[1:].replace("`", ""))
    full = f"{key}.{named[2]}".lstrip(".")
    if named[1] == "missing required":
        return CatalogError(str(file), full, "the key is missing")
    known = [field.encode_name for field in msgspec.structs.fields(EngineCard)]
    closest = difflib.get_close_matches(named[2], known, n=1)
    hint = f"did you mean `{closest[0]}`?" if closest else f"known keys: {', '.join(known)}"
    return CatalogError(str(file), full, f"unknown key; {hint}")


def _card(
    file: Path,
    folder: Path,
    model: _Model,
    engine: EngineCard | None,
    schemas_key: str,
    schemas: object,
    task_type: str | None,
) -> ModelCard:
    input_schema, output_schema = _schemas(file, schemas_key, schemas)
    _check_adapters(file, engine)
    return ModelCard(
        # Cloudflare gives every model a uuid. A file of somebody's own may leave it out and still gets a lasting one.
        id=model.id or str(uuid.uuid5(uuid.NAMESPACE_URL, model.name)),
        source=model.source if model.source is not None else (2 if model.name.startswith("@hf/") else 1),
        name=model.name,
        description=model.description,
        task=model.task,
        task_type=task_type or (model.task.name.lower().replace(" ", "-") if model.task else ""),
        tags=model.tags or (),
        properties=model.properties or (),
        created_at=model.created_at,
        deprecated=bool(model.deprecated),
        input_schema=input_schema,
        output_schema=output_schema,
        schema=compile_schema(input_schema, file=str(file), key=f"{schemas_key}.input"),
        paddock=engine,
        file=file,
        folder=folder,
    )


def _schemas(file: Path, key: str, schemas: object) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    if schemas is None or schemas == "":
        return None, None
    if not isinstance(schemas, dict):
        raise CatalogError(str(file), key, f"expected `input` and `output`, got {type(schemas).__name__}")
    return _schema(file, f"{key}.input", schemas.get("input")), _schema(file, f"{key}.output", schemas.get("output"))


def _schema(file: Path, key: str, schema: object) -> dict[str, object] | None:
    if schema is None or schema == "":
        return None
    decoded = _decode_json(file, key, schema) if isinstance(schema, str) else schema
    if not isinstance(decoded, dict):
        raise CatalogError(str(file), key, f"expected a JSON Schema object, got {type(decoded).__name__}")
    return decoded


def _check_adapters(file: Path, engine: EngineCard | None) -> None:
    for name, path in engine.adapters.items() if engine else ():
        if path.startswith("/") or ".." in path.split("/"):
            raise CatalogError(
                str(file), f"paddock.adapters.{name}", f"expected a folder below the catalog, got {path!r}"
            )
