"""The log of a session: what belongs to which request, causes and other people's frames, and no secrets."""

import json
from pathlib import Path

import httpx
import pytest

from .conftest import CONFIG, Start

TALKS = """
import asyncio
import json

from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        name = request.url.rpartition("/")[2]
        print("begin", name)
        await asyncio.sleep(0)
        print("two\\nlines", name, end="")
        print()
        if name == "raise":
            try:
                json.loads(self.env.TOKEN)
            except ValueError as error:
                raise RuntimeError(self.env.TOKEN) from error
        return Response(name)
"""
SCHEDULED = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        print("it is time")
        raise RuntimeError("too late")
"""
SECRET = "let-nobody-see-this"


def test_what_a_handler_prints_is_tied_to_its_request(start: Start) -> None:
    """DT-023: for programs"""
    session = start("--json-logs", handler=TALKS)
    ready = json.loads(session.expect(r"\n(\{[^\n]*DEV_SERVER_READY[^\n]*\})\n")[1])
    for name in ("one", "two"):
        httpx.get(f"http://{ready['ip']}:{ready['port']}/{name}", trust_env=False)
    session.end()
    lines = [json.loads(line) for line in session.said.splitlines()]
    printed = [line for line in lines if line["source"] == "worker"]
    for name in ("one", "two"):
        (request,) = [line for line in lines if line["message"].startswith(f"GET /{name} ")]
        of_request = [line["message"] for line in printed if line["request_id"] == request["request_id"]]
        assert of_request == [f"begin {name}", "two", f"lines {name}"]


def test_what_an_event_by_hand_prints_is_tied_to_the_request_that_asked_for_it(start: Start) -> None:
    """DT-023"""
    session = start("--log-level", "debug", handler=SCHEDULED)
    with session.ready() as client:
        assert client.get("/cdn-cgi/local/scheduled").status_code == 500
    request = session.expect(r"GET /cdn-cgi/local/scheduled 500 .* request ([0-9a-f]{8})\n")[1]
    session.end()
    assert f"\n[{request}] it is time\n" in session.said


def test_at_debug_people_see_which_request_printed_and_otherwise_the_lines_alone(start: Start) -> None:
    """DT-023: for people"""
    session = start("--log-level", "debug", handler=TALKS)
    with session.ready() as client:
        client.get("/one")
    request = session.expect(r"GET /one 200 OK .* request ([0-9a-f]{8})\n")[1]
    session.end()
    assert f"\n[{request}] begin one\n[{request}] two\n[{request}] lines one\n" in session.said
    session = start(handler=TALKS)
    with session.ready() as client:
        client.get("/one")
    session.end()
    assert "\nbegin one\ntwo\nlines one\n" in session.said
    assert "\x1e" not in session.said


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_causes_follow_other_peoples_frames_are_dimmed_and_secrets_hidden(
    start: Start, tmp_path: Path, no_colour: str
) -> None:
    """DT-004, DT-020"""
    (tmp_path / ".dev.vars").write_text(f"TOKEN={SECRET}\n")
    session = start(handler=TALKS, config=CONFIG, terminal=120, environment={"NO_COLOR": no_colour})
    with session.ready() as client:
        assert SECRET not in client.get("/raise").text
    session.expect(r"RuntimeError: \(hidden\)\n\nCaused by:\nTraceback")
    session.expect(r"GET.* /raise .*500 Internal Server Error")
    session.end()
    assert SECRET not in session.said
    for painted in ("\x1b[31m✘ [ERROR]", "\x1b[1;31m500", "\x1b[2m  File "):
        assert (painted in session.said) is (not no_colour), painted
