"""Requests that new code finds running, and those that come while it starts."""

from __future__ import annotations

import asyncio

import httpx

HANDLER = """
import asyncio
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("entered")
        {wait}
        return Response("{answer}")
"""
STUCK = HANDLER.format(wait="await asyncio.sleep(3600)", answer="old")
NEW = HANDLER.format(wait="pass", answer="new")


def replaced(serve, until, method: str, **options: object) -> httpx.Response:
    """The answer to a request that the old code never answers, and whose time to finish is over at once."""

    async def run() -> httpx.Response:
        async with serve(STUCK, drain_s=0.0) as running, asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(running.client.request(method, "/", **options))
            await until(lambda: "entered" in running.lines)
            running.handler.write_text(NEW)
            running.supervisor.replace()
            return await asked

    return asyncio.run(run())


def test_a_post_that_is_cut_off_is_told_that_the_worker_restarted(serve, until) -> None:
    """DT-031"""
    reply = replaced(serve, until, "POST", content=b"x")
    assert (reply.status_code, reply.headers["paddock-error"]) == (503, "worker_restarted")
    assert "Your worker restarted mid-request." in reply.text


def test_a_get_that_is_cut_off_is_answered_by_the_new_code(serve, until) -> None:
    """DT-030, DT-031"""
    reply = replaced(serve, until, "GET")
    assert (reply.status_code, reply.text) == (200, "new")


def test_a_get_with_a_body_is_not_sent_again(serve, until) -> None:
    """DT-031"""
    assert replaced(serve, until, "GET", content=b"x").status_code == 503


def test_requests_wait_while_the_supervisor_holds_them(serve) -> None:
    """DT-030: new code is being made; the old one answers when that came to nothing."""

    async def run() -> tuple[bool, str, str]:
        async with serve(NEW) as running, asyncio.TaskGroup() as tasks:
            await running.client.get("/")
            running.supervisor.hold()
            waiting = tasks.create_task(running.client.get("/"))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            running.supervisor.release()
            first = (await waiting).text
            running.supervisor.hold()
            waiting = tasks.create_task(running.client.get("/"))
            running.handler.write_text(NEW.replace("new", "newer"))
            running.supervisor.replace()
            return bool(done), first, (await waiting).text

    assert asyncio.run(run()) == (False, "new", "newer")


def test_isolates_that_stood_by_do_not_serve_another_configuration(serve) -> None:
    """DT-034"""

    async def run() -> tuple[bool, int]:
        async with serve(NEW, has_standby=True) as running:
            before = await running.pid()
            await running.supervisor.updated()
            standby = running.supervisor._standby
            assert standby is not None
            running.supervisor.replace(count=2)
            await running.supervisor.updated()
            isolates = await running.isolates()
            return standby.isolate in isolates or before in [i.pid for i in isolates], len(isolates)

    assert asyncio.run(run()) == (False, 2)
