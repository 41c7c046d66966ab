"""An R2 bucket on disk: what it answers, what it refuses, and what it leaves on the disk."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.binding import FetchRequest, FetchResponse
from paddock.bindings.r2.binding import R2Binding
from paddock.bindings.r2.store import R2Store

MIB = 1024 * 1024


class Pieces:
    """A body that comes in pieces, and may break off."""

    def __init__(self, *pieces: bytes, is_broken: bool = False) -> None:
        self._pieces = list(pieces)
        self._is_broken = is_broken

    async def pull(self) -> bytes | None:
        if self._pieces:
            return self._pieces.pop(0)
        if self._is_broken:
            raise OSError("the client is gone")
        return None

    async def cancel(self, reason: object) -> None:
        self._pieces.clear()


class Bucket:
    """A binding in a folder of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 1000.0
        self.binding = R2Binding(R2Store(self._locate, now=lambda: self.now_s))

    def _locate(self, *place: str) -> Path:
        path = self.folder.joinpath(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    async def fetch(self, kind: str, body: bytes | Pieces = b"", **order: object) -> FetchResponse:
        head = json.dumps({"type": kind, **order})
        return await self.binding.fetch(FetchRequest("POST", "https://r2/", (("cf-r2-request", head),), body))

    async def ask(self, kind: str, body: bytes | Pieces = b"", **order: object) -> Any:
        """The JSON of an answer, or the number of a refusal."""
        response = await self.fetch(kind, body, **order)
        headers = dict(response.headers)
        if "cf-r2-error" in headers:
            return json.loads(headers["cf-r2-error"])["v4code"]
        assert isinstance(response.body, bytes)
        return json.loads(response.body)

    async def content(self, key: str, **order: object) -> bytes:
        body = (await self.fetch("get", key=key, **order)).body
        assert body is not None
        assert not isinstance(body, bytes)
        pieces = []
        while (piece := await body.pull()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    def files(self) -> int:
        return len(list((self.folder / "blobs").iterdir()))


def run(folder: Path, test: Any) -> Any:
    async def main() -> Any:
        bucket = Bucket(folder)
        found = await test(bucket)
        await bucket.binding.close()
        return found

    return asyncio.run(main())


def test_an_object_is_replaced_and_removed_with_its_content(tmp_path: Path) -> None:
    async def test(bucket: Bucket) -> list[object]:
        await bucket.ask("put", b"one", key="a/b")
        await bucket.ask("put", Pieces(b"t", b"wo"), key="a/b")
        content, files = await bucket.content("a/b"), bucket.files()
        await bucket.ask("delete", keys=["a/b", "other"])
        return [content, files, await bucket.ask("head", key="a/b"), bucket.files()]

    assert run(tmp_path, test) == [b"two", 1, 10007, 0]


def test_a_content_that_is_read_while_it_is_removed_is_read_to_its_end(tmp_path: Path) -> None:
    async def test(bucket: Bucket) -> object:
        await bucket.ask("put", b"x" * MIB, key="k")
        body = (await bucket.fetch("get", key="k")).body
        assert body is not None
        assert not isinstance(body, bytes)
        size = len(await body.pull() or b"")
        await bucket.ask("delete", keys=["k"])
        while (piece := await body.pull()) is not None:
            size += len(piece)
        return size

    assert run(tmp_path, test) == MIB


@pytest.mark.parametrize(
    ("wanted", "content"),
    [
        ({"offset": 2, "length": 3}, b"234"),
        ({"offset": 7}, b"789"),
        ({"length": 2}, b"01"),
        ({"suffix": 2}, b"89"),
        ({"suffix": 99}, b"0123456789"),
        ({"offset": 8, "length": 99}, b"89"),
    ],
)
def test_part_of_an_object(tmp_path: Path, wanted: dict[str, int], content: bytes) -> None:
    async def test(bucket: Bucket) -> object:
        await bucket.ask("put", b"0123456789", key="k")
        return await bucket.content("k", range=wanted)

    assert run(tmp_path, test) == content


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"etag_matches": ["202cb962ac59075b964b07152d234b70"]}, True),
        ({"etag_matches": ['"other"', '"202cb962ac59075b964b07152d234b70"']}, True),
        ({"etag_matches": ["W/202cb962ac59075b964b07152d234b70"]}, False),
        ({"etag_matches": ["other"]}, False),
        ({"etag_does_not_match": ["*"]}, False),
        ({"etag_does_not_match": ["W/202cb962ac59075b964b07152d234b70"]}, False),
        ({"uploaded_after": 999_999}, True),
        ({"uploaded_after": 1_000_000}, False),
        ({"uploaded_before": 1_000_001}, True),
        ({"uploaded_before": 1_000_500, "seconds": True}, False),
    ],
)
def test_conditions_decide_over_reading_and_writing(tmp_path: Path, condition: dict[str, object], holds: bool) -> None:
    async def test(bucket: Bucket) -> tuple[int, bool, int]:
        await bucket.ask("put", b"123", key="k")
        got = await bucket.fetch("get", key="k", only_if=condition)
        if got.body is not None and not isinstance(got.body, bytes):
            await got.body.cancel(None)
        written = await bucket.ask("put", b"456", key="k", only_if=condition)
        return got.status, written == 10031, bucket.files()

    assert run(tmp_path, test) == (200 if holds else 412, not holds, 1)


def test_a_list_goes_on_where_it_ended(tmp_path: Path) -> None:
    async def test(bucket: Bucket) -> list[object]:
        for key in ("a", "d/1", "d/2", "e/1", "ö", "z"):
            await bucket.ask("put", b"x", key=key, custom={"n": key})
        pages, cursor = [], None
        while True:
            page = await bucket.ask("list", limit=2, delimiter="/", cursor=cursor)
            pages.append([[found["key"] for found in page["objects"]], page["prefixes"]])
            if (cursor := page.get("cursor")) is None:
                break
        below = await bucket.ask("list", prefix="d/", include=["customMetadata"])
        after = await bucket.ask("list", start_after="e/1")
        return [pages, [found["customMetadata"] for found in below["objects"]], [o["key"] for o in after["objects"]]]

    assert run(tmp_path, test) == [
        [[["a"], ["d/"]], [["z"], ["e/"]], [["ö"], []]],
        [{"n": "d/1"}, {"n": "d/2"}],
        ["z", "ö"],
    ]


def test_parts_become_an_object(tmp_path: Path) -> None:
    async def test(bucket: Bucket) -> list[object]:
        upload = (await bucket.ask("createMultipartUpload", key="k", custom={"a": "b"}))["uploadId"]
        named = {"key": "k", "upload": upload}
        await bucket.ask("uploadPart", b"old", number=1, **named)
        last = await bucket.ask("uploadPart", b"end", number=2, **named)
        first = await bucket.ask("uploadPart", b"x" * (5 * MIB), number=1, **named)
        parts = [{"number": 1, **first}, {"number": 2, **last}]
        made = await bucket.ask("completeMultipartUpload", parts=parts, **named)
        again = await bucket.ask("completeMultipartUpload", parts=parts, **named)
        return [made["size"], made["etag"][-2:], made["customMetadata"], again, bucket.files(),
                await bucket.content("k", range={"suffix": 4})]  # fmt: skip

    assert run(tmp_path, test) == [5 * MIB + 3, "-2", {"a": "b"}, 10024, 1, b"xend"]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([{"number": 1, "etag": "other"}], 10025),
        ([{"number": 1}, {"number": 2}], 10011),
        ([{"number": 1}, {"number": 1}], 10001),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, parts: list[dict[str, object]], code: int) -> None:
    async def test(bucket: Bucket) -> tuple[object, int]:
        named = {"key": "k", "upload": (await bucket.ask("createMultipartUpload", key="k"))["uploadId"]}
        tags = {n: (await bucket.ask("uploadPart", b"small", number=n, **named))["etag"] for n in (1, 2)}
        sent = [{"etag": tags[int(str(part["number"]))], **part} for part in parts]
        refused = await bucket.ask("completeMultipartUpload", parts=sent, **named)
        await bucket.ask("abortMultipartUpload", **named)
        return refused, bucket.files()

    assert run(tmp_path, test) == (code, 0)


@pytest.mark.parametrize(
    ("kind", "order", "code"),
    [
        ("get", {"key": "missing"}, 10007),
        ("put", {"key": "k" * 1025}, 10020),
        ("put", {"key": "k", "custom": {"n": "v" * 2048}}, 10012),
        ("put", {"key": "k", "checksums": {"md5": "0" * 32}}, 10037),
        ("list", {"limit": 1001}, 10022),
        ("list", {"cursor": "no base64"}, 10029),
        ("uploadPart", {"key": "k", "upload": "none", "number": 1}, 10024),
        ("other", {}, 10029),
    ],
)
def test_what_is_refused_has_productions_number_and_leaves_nothing(
    tmp_path: Path, kind: str, order: dict[str, Any], code: int
) -> None:
    async def test(bucket: Bucket) -> tuple[object, int]:
        await bucket.ask("put", b"x", key="other")
        return await bucket.ask(kind, b"content", **order), bucket.files()

    assert run(tmp_path, test) == (code, 1)


def test_a_body_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def test(bucket: Bucket) -> list[object]:
        broken = await bucket.ask("put", Pieces(b"half", is_broken=True), key="k")
        return [broken, await bucket.ask("head", key="k"), bucket.files()]

    assert run(tmp_path, test) == [10001, 10007, 0]


def test_keys_are_no_paths(tmp_path: Path) -> None:
    async def test(bucket: Bucket) -> bytes:
        await bucket.ask("put", b"x", key="../../outside")
        return await bucket.content("../../outside")

    folder = tmp_path / "state" / "bucket"
    assert run(folder, test) == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
