"""The plugin as a project's tests see it: whole runs of pytest."""

from pathlib import Path

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.device import has_nvidia_gpu

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
            "*The test answers what the worker did not ask for:",
            "*1 queued replies were not used",
            "*ai.on(model='@cf/meta/?') answered 0 calls*",
            "*nobody is there*",
            '>*raise ValueError("the kettle is empty")',
            "handler.py:9: ValueError",
            "*asked for http://worker.test/error",
            "*No reply is left in test_what_a_test_leaves_undone_fails_it.py::test_no_reply for call 2*",
        ]
    )


def test_a_test_that_ends_early_is_not_asked_for_what_it_left_undone(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken(client, ai):
            ai.reply("x")
            client.get("/")
            ai.reply("y")
            raise RuntimeError("the fixture is broken")

        def test_fixture(broken):
            pass

        def test_skipped(ai):
            ai.reply("x")
            pytest.skip("another day")

        @pytest.mark.xfail
        def test_expected_failure(ai):
            ai.reply("x")
            assert False
        """
    )
    result = run(project)
    result.assert_outcomes(errors=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at setup of test_fixture*", "*Timeline of the worker*", "*request  GET*-> 200*"]
    )
    result.stdout.no_fnmatch_line("*did not ask for*")


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
            "*expected allow_net, beside, config, env, in_process, isolation, secrets, settings, source, vars; got co*",
            "*paddock-ai: expected one of fake, scripted, replay, vllm, off; got 'fast'*",
            "*AI is off in test_options_and_markers.py::test_off, and the worker made call 1, of @cf/microsoft/phi-2*",
        ]
    )


def test_a_failed_test_prints_its_timeline(project: pytest.Pytester) -> None:
    """DT-093"""
    project.makepyfile(
        """
        def test_answer(client, ai):
            ai.reply("Tea.")
            assert client.get("/menu").text == "Coffee."
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines_random(
        [
            r"-+ Timeline of the worker -+",
            r" *\d+\.\d ms  request  GET http://worker.test/menu -> 200 in \d+\.\d ms",
            r" *\d+\.\d ms  stdout   asked for http://worker.test/menu",
            r" *\d+\.\d ms  ai       @cf/microsoft/phi-2 'Hi' -> \{\"response\":\"Tea.\".*\} in \d+\.\d ms",
        ]
    )


def test_a_test_that_fails_by_pytest_prints_its_timeline_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_nothing_is_raised(client):
            with pytest.raises(ValueError):
                client.get("/")
        """
    )
    run(project).stdout.fnmatch_lines(["*DID NOT RAISE*", "*Timeline of the worker*", "*request  GET*-> 200*"])


def test_what_a_failure_shows_of_the_way_to_the_handler(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import asyncio
        import pytest

        def test_error(client):
            client.get("/error")

        def test_no_reply(client, ai):
            ai.fail()
            client.get("/later-error")

        def test_later(client):
            client.get("/later-error")

        def test_assertion(client, ai):
            ai.assert_called()

        async def test_coroutine(worker, ai):
            ai.mode = "off"
            await worker.fetch("/")
        """
    )
    short = run(project, "-o", "asyncio_mode=auto")
    short.assert_outcomes(passed=1, failed=4, errors=1)
    short.stdout.fnmatch_lines(
        [
            "handler.py:*: LookupError",
            '>*client.get("/error")',
            '>*raise ValueError("the kettle is empty")',
            ">*ai.assert_called()",
            "*AI is off in *",
        ]
    )
    for way in ("*httpx*_client.py*", "*worker/testing/*", "*concurrent/futures*"):
        short.stdout.no_fnmatch_line(way)
    run(project, "--full-trace", "-k", "test_error").stdout.fnmatch_lines(["*httpx*_client.py*"])


def test_a_crash_and_a_broken_handler_are_told_in_a_line(project: pytest.Pytester) -> None:
    Path(project.path, "handler.py").write_text(HANDLER.replace("raise ValueError", "__import__('os')._exit(3) or str"))
    Path(project.path, "broken").mkdir()
    Path(project.path, "broken", "handler.py").write_text("import nothing_like_it")
    Path(project.path, "broken", "wrangler-like.toml").write_text(CONFIG)
    project.makepyfile(
        """
        import pytest

        def test_crash(client):
            client.get("/error")

        @pytest.mark.paddock(config="broken/wrangler-like.toml")
        def test_broken(client):
            client.get("/")
        """
    )
    result = run(project)
    result.stdout.fnmatch_lines(
        [
            "E *IsolateCrashed: The worker's process ended: exit code 3.",
            "E *HandlerImportError: *handler.py:1: ModuleNotFoundError: No module named 'nothing_like_it'",
        ]
    )
    result.stdout.no_fnmatch_line("*worker/*.py:*")


def test_wrong_markers_are_told_in_a_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.paddock(nonsense=1)
        def test_name(client):
            pass

        @pytest.mark.paddock(vars={"LIMIT": object()})
        def test_value(client):
            pass

        @pytest.mark.paddock(beside="../shop/wrangler.toml")
        def test_list(client):
            pass

        @pytest.mark.paddock(config="missing.toml")
        def test_file(client):
            pass

        @pytest.fixture(scope="module")
        def shared(worker):
            return worker

        def test_scope(shared):
            pass
        """
    )
    project.makepyfile(
        test_models="""
        import pytest

        @pytest.mark.models("@cf/meta/nothing")
        def test_model(model):
            pass
        """
    )
    result = run(project, "--continue-on-collection-errors")
    result.assert_outcomes(errors=6)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.models: No such model @cf/meta/nothing or task.*",
            "@pytest.mark.paddock: expected allow_net, *; got nonsense",
            "vars: expected an object of names and values as JSON has them; Object of type object is not *",
            "beside: expected a list, of a configuration for each worker; got '../shop/wrangler.toml'",
            "Expected a configuration file at *missing.toml, but there is none.",
        ]
    )
    result.stdout.no_fnmatch_line("*.py:*: in *")
    result.stdout.no_fnmatch_line("*traceback entries are hidden*")
    result.stdout.no_fnmatch_line("*worker/testing/*")


def test_what_nobody_awaits_is_warned_of(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_forgotten(worker):
            worker.fetch("/error")

        def test_taken(worker, ai):
            begun = worker.fetch("/")
            assert begun.result().status_code == 200
        """
    )
    result = run(project, "-W", "default")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*:2: RuntimeWarning: nobody has awaited what this began*", '*worker.fetch("/error")'])


def test_a_test_that_left_something_undone_prints_its_timeline(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_unused(client, ai):
            ai.reply("x", "y")
            client.get("/")
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*1 queued replies were not used", "*Timeline of the worker*", "*request  GET*-> 200*"]
    )


def test_a_test_that_is_run_again_is_judged_anew(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                runtestprotocol(item, nextitem=nextitem)
            return True
        """
    )
    project.makepyfile(
        """
        runs = []

        def test_again(client, ai):
            runs.append(1)
            ai.reply("x")
            assert len(runs) == 2, "the first time"
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1, passed=1, errors=1)
    result.stdout.fnmatch_lines(["*1 queued replies were not used"])


def test_an_interrupted_run_ends_without_waiting_for_the_handler(project: pytest.Pytester) -> None:
    waits = 'await fetch("https://example.com"); await asyncio.sleep(3600)'
    handler = HANDLER.replace('raise ValueError("the kettle is empty")', waits).replace("Response,", "Response, fetch,")
    Path(project.path, "handler.py").write_text(handler)
    project.makepyfile(
        """
        import signal, threading
        import httpx

        def test_interrupted(client, ai, outbound):
            ai.reply("x")

            def answer(request):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                return httpx.Response(204)

            outbound.get("https://example.com/").call(answer)
            client.get("/error")
        """
    )
    result = project.runpytest_subprocess("-o", "asyncio_default_fixture_loop_scope=function", timeout=20)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.no_fnmatch_line("*did not ask for*")


def test_models_and_gpus(project: pytest.Pytester) -> None:
    """DT-090, DT-091"""
    project.makepyfile(
        """
        import pytest

        @pytest.mark.models(task="Text Generation")
        def test_each(model, env):
            assert env.AI.run(model, {"messages": [{"role": "user", "content": "Hi"}]}).result()

        @pytest.mark.models("@cf/microsoft/phi-2", "@cf/baai/bge-m3")
        def test_some(model): ...

        @pytest.mark.gpu
        def test_gpu(worker): ...
        """
    )
    text_models = [card for card in Catalog.read([SHIPPED_CATALOG]) if card.task_type == "text-generation"]
    result = run(project, "-rs")
    skipped = {"skipped": 1} if not has_nvidia_gpu() else {}
    result.assert_outcomes(passed=len(text_models) + 2 + (not skipped), **skipped)
    if skipped:
        result.stdout.fnmatch_lines(["*needs an NVIDIA GPU: no driver of one is loaded on this machine"])


def test_xdist_gives_every_process_its_own_state(project: pytest.Pytester) -> None:
    """DT-092"""
    Path(project.path, "wrangler-like.toml").write_text(f'kv_namespaces = [{{binding = "NOTES", id = "x"}}]\n{CONFIG}')
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_state(env, number):
            assert env.NOTES.get("number").result() is None
            env.NOTES.put("number", str(number)).result()
            assert env.NOTES.get("number").result() == str(number)
        """
    )
    result = project.runpytest_subprocess("-n", "2", "-p", "no:asyncio")
    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(["*2 workers*"])


CASSETTE = """
version: 1
calls:
- model: "@cf/microsoft/phi-2"
  inputs: {prompt: Hi}
  output: {response: "From the tape.", usage: {prompt_tokens: 1, completion_tokens: 3, total_tokens: 4}}
  tokens: {prompt: 1, completion: 3}
"""


def test_cassettes(project: pytest.Pytester) -> None:
    """DT-081"""
    for name in ("test_cassettes/test_own", "shared"):
        file = Path(project.path, "cassettes", f"{name}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CASSETTE)
    project.makepyfile(
        """
        import pytest
        from paddock.worker.testing import JsException

        def test_own(client, ai):
            assert client.get("/").text == "From the tape."
            assert ai.usage.total_tokens == 4

        @pytest.mark.cassette("shared")
        def test_shared(client):
            assert client.get("/").text == "From the tape."

        @pytest.mark.cassette("shared")
        def test_inputs_are_checked(env):
            with pytest.raises(JsException, match="5006"):
                env.AI.run("@cf/microsoft/phi-2", {"prompt": 1.5, "max_tokens": "x"}).result()

        @pytest.mark.cassette("shared")
        def test_unrecorded(env):
            env.AI.run("@cf/microsoft/phi-2", {"prompt": "Hello"}).result()
        """
    )
    result = run(project, "--paddock-ai=replay", "-W", "ignore::paddock.worker.testing.recorder.CassetteWarning")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*shared.yaml has no recording of this call*", "*-  prompt: Hi", "*+  prompt: Hello"])
