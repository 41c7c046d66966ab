"""The finetune routes of the REST API: what they take and answer. Source: API reference; WA-116, WA-137 to WA-143."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.doors import uploads
from paddock.bindings.ai.finetunes.adapter import FILES
from paddock.bindings.ai.keeping import keeping
from paddock.bindings.errors import IncompleteRequest, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.finetunes.service import Finetunes
    from paddock.bindings.ai.finetunes.store import Finetune
    from paddock.bindings.binding import FetchRequest

__all__ = ["MAX_UPLOAD_BYTES", "PUBLIC_QUERY", "created", "listed", "public", "uploaded"]

#: The largest file, and the form around it.
MAX_UPLOAD_BYTES: Final = max(FILES.values()) + 100_000
PUBLIC_QUERY: Final = {
    "limit": "at most so many",
    "offset": "leave out so many first",
    "orderBy": "order by `name`, `created_at` (the default) or `modified_at`",
}


class _Creation(msgspec.Struct):
    """The body of a creation. Clients send null or an empty description."""

    model: str
    name: str
    description: str | None = None
    public: bool | None = None


class _PublicQuery(msgspec.Struct, rename={"order_by": "orderBy"}):
    limit: int | None = None
    offset: int = 0
    order_by: str = "created_at"


async def created(finetunes: Finetunes, body: object) -> dict[str, object]:
    """Create a finetune. Raises IncompleteRequest, and what `Finetunes.create` does."""
    missing = [name for name in ("model", "name") if not isinstance(body, dict) or name not in body]
    if missing:
        raise IncompleteRequest(f"Request is missing headers or body: {', '.join(missing)}")
    try:
        wanted = msgspec.convert(body, _Creation)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error
    made = await asyncio.to_thread(
        finetunes.create, wanted.model, wanted.name, wanted.description or "", public=bool(wanted.public)
    )
    return msgspec.structs.asdict(made)


async def listed(finetunes: Finetunes) -> list[dict[str, object]]:
    """Every finetune: a flat list, which is what wrangler reads."""
    return [_row(finetune) for finetune in await asyncio.to_thread(finetunes.store.all)]


async def public(finetunes: Finetunes, query: Mapping[str, str]) -> list[dict[str, object]]:
    """Those that are public, a part of them. Raises InputError for a query that is none."""
    try:
        wanted = msgspec.convert(dict(query), _PublicQuery, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error
    if wanted.offset < 0 or (wanted.limit or 0) < 0 or wanted.order_by not in ("name", "created_at", "modified_at"):
        raise InputError("Error: limit, offset: expected integers from 0; orderBy: name, created_at or modified_at")
    rows = [finetune for finetune in await asyncio.to_thread(finetunes.store.all) if finetune.public]
    rows.sort(key=lambda finetune: str(getattr(finetune, wanted.order_by)))
    rows = rows[wanted.offset :]
    return [msgspec.structs.asdict(finetune) for finetune in rows[: wanted.limit]]


async def uploaded(finetunes: Finetunes, name: str, request: FetchRequest) -> dict[str, object]:
    """Take one file of a finetune, given by name or id. Raises what `Finetunes.accept` does, and LoraNotFound."""
    finetune = await asyncio.to_thread(finetunes.open, name)
    received = await asyncio.to_thread(finetunes.store.scratch, finetune)
    try:
        with keeping("finetunes"):
            form = await uploads.receive(request, "file", received, MAX_UPLOAD_BYTES)
        if "file" not in form.files or "file_name" not in form.fields:
            raise IncompleteRequest("Request is missing headers or body: file and file_name")
        asset = await asyncio.to_thread(finetunes.accept, finetune, form.fields["file_name"], received)
    finally:
        received.unlink(missing_ok=True)
    # Both generations of the SDKs find what they read.
    members = {"bucket_name": "local", "modified_at": asset.created_at, "success": True}
    return msgspec.structs.asdict(asset) | members


def _row(finetune: Finetune) -> dict[str, object]:
    row = msgspec.structs.asdict(finetune)
    del row["public"]
    return row
