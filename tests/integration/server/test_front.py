"""What requests meet before the worker: reserved paths and who may use them, and the address that the worker sees."""

import asyncio

import httpx
import pytest

from paddock.worker.answers import Front
from paddock.worker.config.routes import Route
from paddock.worker.guard import Guard
from paddock.worker.upstream import Upstream

SEES = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("fetch", request.url)
        headers = {"location": request.url + "next", "set-cookie": "a=1; Domain=shop.example.com"}
        return Response(request.url + " " + (request.headers["host"] or ""), headers=headers)

    async def scheduled(self, controller, env, ctx):
        print("scheduled", controller.cron)
        if controller.cron == "fails":
            raise ValueError("no")
"""
FRONT = Front()
ONLY_SCHEDULED = SEES.replace("def fetch", "def other")


def send(
    serve,
    path: str,
    *,
    source: str = SEES,
    front: Front = FRONT,
    **request,
) -> tuple[httpx.Response, list[str]]:
    """One request: its reply, and what the handler had printed by then."""

    async def run() -> tuple[httpx.Response, list[str]]:
        async with serve(source, front=front) as running:
            return await running.client.request("GET", path, **request), running.lines

    return asyncio.run(run())


@pytest.mark.parametrize(
    "path", ["/cdn-cgi/local/scheduled", "/cdn-cgi/handler/scheduled", "/cdn-cgi/x", "/%63dn-cgi/x"]
)
@pytest.mark.parametrize("header", ["Host", "Origin"])
def test_a_strangers_request_for_a_reserved_path_does_nothing(serve, header: str, path: str) -> None:
    """DT-045"""
    value = {"Host": "evil.example", "Origin": "https://evil.example"}[header]
    reply, lines = send(serve, path, headers={header: value})
    assert (reply.status_code, reply.text, lines) == (403, f"Invalid {header} header", [])


@pytest.mark.parametrize("header", [{"Host": "shop.example.com"}, {"Origin": "https://a.example.org"}])
def test_the_workers_own_routes_may_use_reserved_paths(serve, header: dict[str, str]) -> None:
    """DT-045"""
    front = Front(Guard.of([Route("shop.example.com/*"), Route("*.example.org/*")], None))
    reply, _ = send(serve, "/cdn-cgi/local/scheduled?cron=x", front=front, headers=header)
    assert (reply.status_code, reply.text) == (200, "ok")


def test_the_old_path_is_the_workers_own_unless_it_was_asked_for(serve) -> None:
    """DT-043"""
    reply, lines = send(serve, "/__scheduled?cron=x")
    assert reply.text.startswith("http://127.0.0.1") and lines[0].startswith("fetch")
    reply, lines = send(serve, "/__scheduled?cron=*+*", front=Front(tests_scheduled=True))
    assert (reply.status_code, reply.text, lines) == (200, "Ran scheduled event", ["scheduled * *"])
    assert send(serve, "/__scheduled?cron=fails", front=Front(tests_scheduled=True))[0].status_code == 500


@pytest.mark.parametrize(("referer", "status"), [("/__scheduled?cron=x", 404), ("/", 500)])
def test_a_worker_without_fetch_has_no_icon_on_the_page_of_its_event(serve, referer: str, status: int) -> None:
    """DT-043"""
    headers = {"referer": "http://localhost:8787" + referer}
    front = Front(tests_scheduled=True)
    reply, _ = send(serve, "/favicon.ico", source=ONLY_SCHEDULED, front=front, headers=headers)
    assert reply.status_code == status


def test_the_worker_sees_the_upstream_and_the_client_does_not(serve) -> None:
    front = Front(upstream=Upstream("shop.example.com", "https"))
    reply, _ = send(serve, "/a/", front=front)
    assert reply.text == "https://shop.example.com/a/ shop.example.com"
    assert reply.headers["location"] == f"{reply.url}next"
    assert reply.headers["set-cookie"] == "a=1; Domain=127.0.0.1"
