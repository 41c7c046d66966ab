"""The plugin as a project's tests see it: whole runs of pytest."""

from pathlib import Path

import pytest

HANDLER = """
import asyncio
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("asked for", request.url)
        if request.url.endswith("/error"):
            raise ValueError("the kettle is empty")
        if request.url.endswith("/later-error"):
            async def later():
                raise LookupError("nobody is there")
            self.ctx.waitUntil(later())
        answer = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "Hi"})
        return Response(answer["response"])
"""
CONFIG = """
name = "kettle"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[ai]
binding = "AI"
"""


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-o", "asyncio_default_fixture_loop_scope=function", *options)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    Path(pytester.path, "handler.py").write_text(HANDLER)
    Path(pytester.path, "wrangler-like.toml").write_text(CONFIG)
    return pytester


def test_every_style_of_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_plain(client, ai):
            ai.reply("Hello.")
            assert client.get("/").text == "Hello."
            ai.assert_called_once_with(model="@cf/microsoft/phi-2", contains="Hi", max_tokens=256)

        @pytest.mark.anyio
        async def test_anyio(worker, ai):
            ai.reply("Hello.")
            assert (await worker.fetch("/")).text == "Hello."

        @pytest.mark.asyncio
        async def test_asyncio(worker, ai):
            ai.reply("Hello.")
            assert (await worker.fetch("/")).text == "Hello."
        """
    )
    result = run(project, "-W", "error")
    result.assert_outcomes(passed=4)  # anyio's is for asyncio and for trio


def test_what_a_test_leaves_undone_fails_it(project: pytest.Pytester) -> None:
    """DT-074, DT-075, DT-088"""
    project.makepyfile(
        """
        def test_unused_reply(client, ai):
            ai.reply("x")

        def test_unused_rule(client, ai):
            ai.on(model="@cf/meta/*").reply("x")

        def test_background(client):
            client.get("/later-error")

        def test_error_of_the_handler(client):
            client.get("/error")

        def test_no_reply(client, ai):
            ai.reply("x")
            client.get("/")
            client.get("/")

        def test_good(client):
            client.get("/")
        """
    )
    result = run(project)
    result.assert_outcomes(passed=4, failed=2, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*The test answers calls of models that the worker did not make:",
            "*1 queued replies were not used",
            "*ai.on(model='@cf/meta/?') answered 0 calls*",
            "*nobody is there*",
            '>*raise ValueError("the kettle is empty")',
            "handler.py:9: ValueError",
            "*asked for http://worker.test/error",
            "*No reply is left in test_what_a_test_leaves_undone_fails_it.py::test_no_reply for call 2*",
        ]
    )


def test_options_and_markers(project: pytest.Pytester) -> None:
    """DT-085"""
    project.makepyfile(
        """
        import pytest

        def test_off(client):
            client.get("/")

        @pytest.mark.ai("fake", seed=3)
        def test_fake(client, ai):
            assert (ai.mode, ai.seed) == ("fake", 3)
            client.get("/")

        @pytest.mark.paddock(colour="red")
        def test_wrong_name(client): ...

        @pytest.mark.ai("fast")
        def test_wrong_mode(client): ...
        """
    )
    result = run(project, "--paddock-ai=off", "--strict-markers")
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*expected config, env, isolation, secrets, settings, source, vars; got colour*",
            "*paddock-ai: expected one of fake, scripted, off; got 'fast'*",
            "*AI is off in test_options_and_markers.py::test_off, and the worker called @cf/microsoft/phi-2*",
        ]
    )
