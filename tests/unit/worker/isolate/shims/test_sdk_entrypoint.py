"""Handlers on the unmodified SDK: entrypoints, requests, env and `env.AI`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Worker

_JSON = (("content-type", "application/json"),)


def test_json_post_handler(worker: Worker) -> None:
    """PW-001, PW-043."""
    answer = worker.fetch(
        """
        from workers import Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                data = await request.json()
                return Response.json({"sum": sum(data["numbers"]), "is_list": isinstance(data["numbers"], list)})
        """,
        method="POST", headers=_JSON, body=['{"num', 'bers": [1, 2]}'],
    )  # fmt: skip
    assert (answer.status, answer.json) == (200, {"sum": 3, "is_list": True})


def test_function_handler_gets_raw_request(worker: Worker) -> None:
    """PW-005, PW-006."""
    answer = worker.fetch(
        """
        from js import Response

        async def on_fetch(request, env, ctx):
            data = await request.json()
            return Response.new(f"{data.name} {request.headers.get('x-a')}", status=201)
        """,
        method="POST", headers=(("x-a", "1"),), body='{"name": "Ann"}',
    )  # fmt: skip
    assert (answer.status, answer.text) == (201, "Ann 1")


def test_handler_decorator_wraps_request(worker: Worker) -> None:
    """PW-007."""
    handler = """
        from workers import Response, handler

        @handler
        async def on_fetch(request, env, ctx):
            return Response(type(request).__module__).js_object
        """
    assert worker.fetch(handler).text == "workers.request"


def test_method_and_url(worker: Worker) -> None:
    """PW-040, PW-042."""
    seen = worker.evaluate(
        "[request.method == 'GET', f'{request.method}', request.url]", url="https://worker.test:8787/a%20b?q=%C3%A4"
    )
    assert seen == [True, "GET", "https://worker.test:8787/a%20b?q=%C3%A4"]


def test_unknown_method_raises_on_access(worker: Worker) -> None:
    """PW-041."""
    assert worker.respond("Response(request.method)", method="PURGE").error == "KeyError"


def test_malformed_json_is_a_decode_error(worker: Worker) -> None:
    """PW-044."""
    assert worker.respond("Response(await request.json())", method="POST", body="{").error == "JSONDecodeError"


def test_json_keywords_are_forwarded(worker: Worker) -> None:
    """PW-045."""
    assert worker.evaluate("await request.json(parse_float=str)", method="POST", body="[1.50]") == ["1.50"]


def test_text_and_bytes(worker: Worker) -> None:
    """PW-046."""
    assert worker.evaluate("await request.text()", method="POST", body="é") == "é"
    assert worker.evaluate("list(await request.bytes())", method="POST", body="ab") == [97, 98]


def test_second_read_raises_oserror(worker: Worker) -> None:
    """PW-047, PW-049."""
    answer = worker.respond("[await request.text(), request.body_used, await request.text()]", method="POST", body="x")
    assert (answer.error, answer.message) == ("OSError", "Body already used")


def test_clone_reads_twice(worker: Worker) -> None:
    """PW-048."""
    read = "[await c.text() for c in (request.clone(), request)]"
    assert worker.evaluate(read, method="POST", body=["a", "b"]) == ["ab", "ab"]


def test_request_headers(worker: Worker) -> None:
    """PW-050 to PW-052."""
    headers = (("User-Agent", "a, b"), ("X-Two", "1"), ("X-Two", "2"))
    read = "[request.headers['X-Missing'], request.headers.get('X', 'd'), 'user-agent' in request.headers, "
    read += "request.headers['User-Agent'], request.headers.get_all('x-two')]"
    assert worker.evaluate(read, headers=headers) == [None, "d", True, "a, b", ["1, 2"]]


def test_urlencoded_form(worker: Worker) -> None:
    """PW-055, PW-057."""
    form = (("content-type", "application/x-www-form-urlencoded"),)
    read = "(lambda f: [f['a'], f.get_all('b')])(await request.form_data())"
    assert worker.evaluate(read, method="POST", headers=form, body="a=1+2&b=x&b=y") == ["1 2", ["x", "y"]]


def test_multipart_upload(worker: Worker) -> None:
    """PW-056."""
    head = 'Content-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain'
    body = f"--B\r\n{head}\r\n\r\nhi\r\n--B--"
    answer = worker.fetch(
        """
        from workers import File, Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                file = (await request.form_data())["f"]
                assert isinstance(file, File)
                return Response.json([file.name, file.content_type, (await file.bytes()).decode()])
        """,
        method="POST", headers=(("content-type", "multipart/form-data; boundary=B"),), body=body,
    )  # fmt: skip
    assert answer.json == ["a.txt", "text/plain", "hi"]


def test_form_of_another_content_type_is_a_type_error(worker: Worker) -> None:
    """PW-058."""
    assert worker.respond("await request.form_data()", method="POST", headers=_JSON, body="{}").error == "TypeError"


def test_body_iterates_chunks(worker: Worker) -> None:
    """PW-059."""
    read = "[c.to_bytes().decode() async for c in request.body]"
    assert worker.evaluate(read, method="POST", body=["ab", "cd"]) == ["ab", "cd"]
    assert worker.evaluate("bool(request.body)") is False


def test_cf_of_incoming_and_constructed_requests(worker: Worker) -> None:
    """PW-060."""
    assert worker.evaluate("[request.cf.country, Request('https://a.test').cf]") == ["AT", None]


def test_constructed_request(worker: Worker) -> None:
    """PW-062, PW-097."""
    made = "Request('https://a.test', method='POST', body='x', headers={'a': 'b'})"
    read = f"(lambda r: [r.url, r.method, r.headers['a']])({made})"
    assert worker.evaluate(read) == ["https://a.test/", "POST", "b"]


def test_get_with_body_raises(worker: Worker) -> None:
    """PW-063."""
    assert "cannot have a body" in worker.respond("Request('http://a', body='x')").message


def test_options_with_a_raw_request_raise(worker: Worker) -> None:
    """PW-064."""
    assert worker.respond("Request(request.js_object, method='POST')").error == "ValueError"


def test_env_values(worker: Worker) -> None:
    """PW-125 to PW-127."""
    env = {"TEXT": "t", "DATA": {"a": {"b": 1}}}
    read = "[self.env.TEXT, self.env.DATA.a.b, getattr(self.env, 'NO', 'd'), hasattr(self.env, 'NO')]"
    assert worker.evaluate(read, env=env) == ["t", 1, "d", False]
    assert worker.respond("self.env['TEXT']", env=env).error == "TypeError"
    assert worker.respond("self.env.DATA['a']", env=env).error == "TypeError"


def test_importable_env_and_patch(worker: Worker) -> None:
    """PW-037, PW-038."""
    handler = """
        import workers
        from workers import Response, WorkerEntrypoint, env, patch_env

        AT_IMPORT = env.NAME

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                with patch_env(NAME="patched"):
                    inside = workers.env.NAME
                return Response.json([AT_IMPORT, inside, workers.env.NAME])
        """
    assert worker.fetch(handler, env={"NAME": "n"}).json == ["n", "patched", "n"]


def test_ai_binding_is_wrapped(worker: Worker) -> None:
    """PW-131, PW-135."""
    handler = """
        from workers import Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                result = await self.env.AI.run("m", {"messages": [{"role": "user"}]})
                assert result.response == result["response"]
                return Response.json([isinstance(result, dict), hasattr(result, "to_py"), result])
        """
    expected = {"response": 'm {"messages":[{"role":"user"}]} None', "nothing": None}
    assert worker.fetch(handler, env={"AI": "<ai>"}).json == [True, False, expected]


def test_ai_inputs_in_every_form(worker: Worker) -> None:
    """PW-132 to PW-134, PW-147."""
    run = "(await self.env.AI.run('m', {})).response"
    forms = [
        "js.JSON.parse(json.dumps({'a': [1]}))",
        "__import__('pyodide.ffi').ffi.to_js({'a': [1]}, dict_converter=js.Object.fromEntries)",
        "**{'a': [1]}",
    ]
    for form in forms:
        assert worker.evaluate(run.format(form), env={"AI": "<ai>"}) == 'm {"a":[1]} None', form
    two = run.format("{'a': 1}, js.JSON.parse('{\"x\":2}')")
    assert worker.evaluate(two, env={"AI": "<ai>"}) == 'm {"a":1} {"x":2}'


def test_import_from_javascript(worker: Worker) -> None:
    """PW-123."""
    assert worker.evaluate("import_from_javascript('cloudflare:workers').env.A", env={"A": "1"}) == "1"
    assert worker.respond("import_from_javascript('nowhere')").error == "ImportError"


def test_request_headers_are_a_mapping_made_anew(worker: Worker) -> None:
    """PW-053, PW-054."""
    answer = worker.fetch(
        """
        from collections.abc import Mapping
        from http.client import HTTPMessage
        from workers import Response, WorkerEntrypoint

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                kinds = [isinstance(request.headers, Mapping), isinstance(request.headers, HTTPMessage)]
                request.headers["x-a"] = "changed"
                return Response.json([*kinds, request.headers["x-a"]])
        """,
        headers=(("x-a", "1"),),
    )
    assert answer.json == [True, True, "1"]


def test_raw_request_and_raw_response(worker: Worker) -> None:
    """PW-020, PW-061."""
    answer = worker.respond("js.Response.new(request.js_object.headers.get('x-a'))", headers=(("x-a", "1"),))
    assert answer.text == "1"
