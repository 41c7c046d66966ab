"""What comes from the isolate: one struct for each operation, in the header `cf-r2-request`.

Times are in milliseconds since 1970, as JavaScript has them.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "Abort", "Complete", "Condition", "Create", "Delete", "Get", "Head", "List", "Order", "Part", "Put", "Range",
    "Sent",
]  # fmt: skip

_Metadata = dict[str, str | float]


class Condition(msgspec.Struct, frozen=True):
    """`onlyIf`. A tag is in quotes where it came as a header; `*` stands for every one, `W/` marks a weak one."""

    etag_matches: list[str] | None = None
    etag_does_not_match: list[str] | None = None
    uploaded_before: float | None = None
    uploaded_after: float | None = None
    seconds: bool = False


class Range(msgspec.Struct, frozen=True):
    """Part of an object, in bytes."""

    offset: int | None = None
    length: int | None = None
    suffix: int | None = None


class Head(msgspec.Struct, frozen=True, tag="head"):
    key: str


class Get(msgspec.Struct, frozen=True, tag="get"):
    key: str
    only_if: Condition | None = None
    range: Range | None = None


class Put(msgspec.Struct, frozen=True, tag="put"):
    """`checksums` are hexadecimal, by the names of hashlib."""

    key: str
    only_if: Condition | None = None
    http: _Metadata = {}
    custom: dict[str, str] = {}
    checksums: dict[str, str] = {}
    storage_class: str = "Standard"


class Delete(msgspec.Struct, frozen=True, tag="delete"):
    keys: list[str]


class List(msgspec.Struct, frozen=True, tag="list"):
    limit: int | None = None
    prefix: str = ""
    cursor: str | None = None
    delimiter: str = ""
    start_after: str | None = None
    include: list[str] = []


class Create(msgspec.Struct, frozen=True, tag="createMultipartUpload"):
    key: str
    http: _Metadata = {}
    custom: dict[str, str] = {}
    storage_class: str = "Standard"


class Part(msgspec.Struct, frozen=True, tag="uploadPart"):
    key: str
    upload: str
    number: int


class Sent(msgspec.Struct, frozen=True):
    """A part as `complete` names it."""

    number: int
    etag: str


class Complete(msgspec.Struct, frozen=True, tag="completeMultipartUpload"):
    key: str
    upload: str
    parts: list[Sent]


class Abort(msgspec.Struct, frozen=True, tag="abortMultipartUpload"):
    key: str
    upload: str


Order = Head | Get | Put | Delete | List | Create | Part | Complete | Abort
