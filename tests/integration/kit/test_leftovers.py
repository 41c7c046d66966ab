"""What a test leaves in the isolate is found and cleaned up, though nobody asks the isolate where there is nothing."""

import pytest

from paddock.worker.testing import Paddock

HANDLER = """
import asyncio, os, sys
from js import caches
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/cached"):
            found = await caches.default.match("https://example.com/")
            await caches.default.put("https://example.com/", Response("kept").js_object)
            return Response("old" if found else "new")
        if request.url.endswith("/fails-early"):
            self.ctx.waitUntil(self.fail())
            await asyncio.sleep(0.01)
        if request.url.endswith("/prints"):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            os.write(1, b"by descriptor\\n")
        return Response("done")

    async def fail(self):
        raise LookupError("nobody is there")
"""


def test_caches_are_new_for_every_test() -> None:
    """DT-087"""
    with Paddock(source=HANDLER) as worker:
        for _ in range(2):
            assert worker.fetch("/cached").result().text == "new"
            assert worker.fetch("/cached").result().text == "old"
            worker.end_test().result()
            worker.begin_test(worker.ai, worker.outbound)


def test_background_work_that_failed_before_the_response_fails_the_test() -> None:
    """DT-088"""
    with Paddock(source=HANDLER) as worker:
        assert worker.fetch("/fails-early").result().text == "done"
        with pytest.raises(LookupError, match="nobody is there"):
            worker.end_test().result()


def test_all_that_was_printed_is_heard_by_the_end_of_the_test() -> None:
    heard: list[tuple[str, str]] = []
    with Paddock(source=HANDLER, on_log=lambda *line: heard.append(line)) as worker:
        for number in range(1, 4):
            worker.fetch("/prints").result()
            worker.end_test().result()
            assert sorted(heard) == sorted(
                [("stdout", "to stdout"), ("stderr", "to stderr"), ("stdout", "by descriptor")] * number
            )
            worker.begin_test(worker.ai, worker.outbound)
