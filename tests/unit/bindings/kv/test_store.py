"""A namespace in its file: expiry, order, large values, and what happens meanwhile."""

import asyncio
import io
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from paddock.bindings.kv.large import LargeValue
from paddock.bindings.kv.store import Entry, KvStore

LARGE = bytes(range(256)) * 4096


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def using(tmp_path: Path, clock: Clock) -> Callable[[Callable[[KvStore], Awaitable[object]]], object]:
    """`using(async_function)`: what it returns when it is called with a store."""

    def run(use: Callable[[KvStore], Awaitable[object]]) -> object:
        async def opened() -> object:
            store = KvStore(lambda: tmp_path / "kv.sqlite", now=clock)
            try:
                return await use(store)
            finally:
                await store.close()

        return asyncio.run(opened())

    return run


async def drained(entry: Entry | None) -> bytes:
    assert entry is not None
    if isinstance(entry.value, bytes):
        return entry.value
    pieces = []
    while (piece := await entry.value.pull()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


def test_an_expired_key_is_gone_from_reads_and_from_the_file(using, clock: Clock, tmp_path: Path) -> None:
    async def use(store: KvStore) -> list[object]:
        await store.put(b"short", b"x", 1060, None)
        await store.put(b"long", b"x", 2000, None)
        clock.now = 1059.9
        before = await store.get(b"short")
        clock.now = 1060.0
        after, page = await store.get(b"short"), await store.list(b"", b"", 10)
        await store.put(b"other", b"x", None, None)
        return [before, after, [listed.key for listed in page.keys]]

    assert using(use) == [(b"x", 1060, None), None, [b"long"]]
    with sqlite3.connect(tmp_path / "kv.sqlite") as database:
        keys = [key for (key,) in database.execute("SELECT key FROM entries ORDER BY key")]
    database.close()
    assert keys == [b"long", b"other"]


def test_prefixes_are_exact_whatever_a_key_contains(using) -> None:
    keys = [b"a", b"a\x00b", b"a%", b"a_", "aü".encode(), "a\U0010ffff".encode(), b"b"]

    async def use(store: KvStore) -> list[list[bytes]]:
        for key in keys:
            await store.put(key, b"", None, None)
        pages = [await store.list(prefix, b"", 10) for prefix in (b"a", b"a\x00", b"a%", "aü".encode(), b"")]
        return [[listed.key for listed in page.keys] for page in pages]

    assert using(use) == [keys[:6], [b"a\x00b"], [b"a%"], ["aü".encode()], keys]


def test_pages_end_exactly_where_the_keys_do(using) -> None:
    async def use(store: KvStore) -> list[tuple[int, bool]]:
        for number in range(4):
            await store.put(b"%d" % number, b"", None, None)
        pages = [await store.list(b"", after, 2) for after in (b"", b"1", b"3")]
        return [(len(page.keys), page.is_complete) for page in pages]

    assert using(use) == [(2, False), (2, True), (0, True)]


def test_a_large_value_is_read_as_it_was_when_reading_began(using) -> None:
    async def use(store: KvStore) -> list[bool]:
        await store.put(b"k", io.BytesIO(LARGE), None, None)
        entry = await store.get(b"k")
        assert entry is not None and isinstance(entry.value, LargeValue)
        first = await entry.value.pull()
        await store.put(b"k", b"new", None, None)
        await store.delete(b"k")
        return [(first or b"") + await drained(entry) == LARGE, await store.get(b"k") is None]

    assert using(use) == [True, True]


def test_a_large_value_that_is_cancelled_ends_there(using) -> None:
    async def use(store: KvStore) -> object:
        await store.put(b"k", LARGE, None, None)
        entry = await store.get(b"k")
        assert entry is not None and isinstance(entry.value, LargeValue)
        for _ in range(2):
            await entry.value.cancel(None)
        return await entry.value.pull()

    assert using(use) is None


def test_a_value_that_cannot_be_written_leaves_the_old_one(using) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("disk trouble")

    async def use(store: KvStore) -> bytes:
        await store.put(b"k", b"old", None, None)
        with pytest.raises(OSError, match="disk trouble"):
            await store.put(b"k", Broken(LARGE), None, None)
        return await drained(await store.get(b"k"))

    assert using(use) == b"old"


def test_many_large_values_can_be_open_at_once_and_close_with_the_store(using) -> None:
    """The store's end closes what nobody has read: a leak would be a ResourceWarning, which is an error here."""

    async def use(store: KvStore) -> int:
        await store.put(b"k", LARGE, None, None)
        entries = await asyncio.gather(*(store.get(b"k") for _ in range(20)))
        return sum(isinstance(entry.value, LargeValue) for entry in entries if entry)

    assert using(use) == 20


def test_a_read_that_is_cancelled_leaves_nothing_open(using) -> None:
    async def use(store: KvStore) -> int:
        await store.put(b"k", LARGE, None, None)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(store.get(b"k"))
            await asyncio.sleep(0)
            reading.cancel()
        await store.list(b"", b"", 1)  # behind the read, in the same thread
        await asyncio.sleep(0)
        await store.list(b"", b"", 1)
        return len(store._large)

    assert using(use) == 0


def test_two_servers_may_use_one_file(tmp_path: Path) -> None:
    async def use() -> list[bytes]:
        stores = [KvStore(lambda: tmp_path / "kv.sqlite") for _ in range(2)]
        await asyncio.gather(*(s.put(b"%d" % i, b"x", None, None) for i in range(20) for s in stores))
        page = await stores[1].list(b"", b"", 100)
        for store in stores:
            await store.close()
        return [listed.key for listed in page.keys]

    assert asyncio.run(use()) == sorted(b"%d" % i for i in range(20))
