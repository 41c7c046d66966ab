"""Responses on the unmodified SDK: bodies, headers, streams, outbound fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Worker


def test_text_has_a_content_type_and_bytes_have_none(worker: Worker) -> None:
    """PW-065, PW-066."""
    text, data = worker.respond("Response('é')"), worker.respond("Response(bytes(range(256)))")
    assert (text.header("content-type"), text.text) == ("text/plain;charset=UTF-8", "Ã©")
    assert (data.header("content-type"), data.text) == (None, bytes(range(256)).decode("latin-1"))


@pytest.mark.parametrize("body", ["None", "''"])
def test_empty_bodies_of_null_body_statuses(worker: Worker, body: str) -> None:
    """PW-067."""
    answer = worker.respond(f"Response({body}, status=204)")
    assert (answer.status, answer.reason, answer.chunks) == (204, "No Content", ())


@pytest.mark.parametrize(
    ("expression", "error", "text"),
    [
        ("Response('x', status=204)", "JsException", "cannot have a body"),
        ("Response('x', status=99)", "JsException", "RangeError"),
        ("Response('x', status=600)", "JsException", "RangeError"),
        ("Response({'a': 1})", "TypeError", "Unsupported type in Response: dict"),
        ("Response((c async for c in js.ReadableStream.from_([])))", "TypeError", "async_generator"),
        ("Response('x', headers=(('a', 'b'),))", "TypeError", "Received unexpected type for headers argument"),
        ("Response('x', headers=request.headers)", "TypeError", "Received unexpected type for headers argument"),
        ("Response.json({1, 2})", "TypeError", "Object of type set is not JSON serializable"),
        ("Response.redirect('', 502)", "ValueError", "502"),
        ("Response.redirect('/x')", "TypeError", "Unable to parse URL: /x"),
        ("Response(js.Response.new('x'), status=201)", "ValueError", "no options"),
        ("[r := Response('x'), await r.text(), await r.text()]", "BodyUsedError", "already used"),
        ("Response('x', status=404).raise_for_status()", "HttpStatusError", "404 Client Error: Not Found"),
    ],
)
def test_what_production_refuses(worker: Worker, expression: str, error: str, text: str) -> None:
    """PW-068, PW-070 to PW-072, PW-076, PW-079, PW-083, PW-084, PW-087, PW-095."""
    answer = worker.respond(expression, headers=(("a", "b"),))
    assert answer.error == error
    assert text in answer.message


def test_statuses(worker: Worker) -> None:
    """PW-069, PW-070."""
    answer = worker.respond("Response('x', status=__import__('http').HTTPStatus.NOT_FOUND)")
    assert (answer.status, answer.reason) == (404, "Not Found")
    assert worker.respond("Response('x', status=0)").status == 200


def test_header_values(worker: Worker) -> None:
    """PW-073 to PW-075."""
    pairs = "[('Set-Cookie', 'a=1'), ('set-cookie', 'b=2'), ('X', '1'), ('x', '2')]"
    assert ("n", "123") in worker.respond("Response('', headers={'n': 123, 't': True})").headers
    assert worker.respond("Response('', headers={'n': 123, 't': True})").header("t") == "true"
    headers = worker.respond(f"Response(None, headers={pairs})").headers
    assert headers == (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x", "1, 2"))


def test_json_text_and_content_type(worker: Worker) -> None:
    """PW-077, PW-078, PW-080."""
    plain = worker.respond("Response.json({'a': 'é'})")
    assert (plain.text, plain.header("content-type")) == ('{"a": "\\u00e9"}', "application/json")
    kept = worker.respond("Response.json({}, headers={'Content-Type': 'x/y'})")
    assert kept.header("content-type") == "x/y"
    proxy = worker.respond("Response.json(js.JSON.parse('{\"a\": [1, 2]}'))")
    assert (proxy.text, proxy.header("content-type")) == ('{"a":[1,2]}', "application/json")


def test_json_of_an_instance_parses(worker: Worker) -> None:
    """PW-081."""
    assert worker.evaluate("await Response('[1]').json()") == [1]


def test_redirect(worker: Worker) -> None:
    """PW-082."""
    answer = worker.respond("Response.redirect('https://example.com', 301)")
    assert (answer.status, answer.header("location")) == (301, "https://example.com/")


def test_replace_body_and_repr(worker: Worker) -> None:
    """PW-085, PW-086."""
    answer = worker.respond("Response('a', status=201, headers={'x': 'y'}).replace_body('new')")
    assert (answer.status, answer.header("x"), answer.text) == (201, "y", "new")
    shown = "Response(status=200, status_text='OK', content_type='application/json')"
    assert worker.evaluate("repr(Response.json([1]))") == shown


def test_form_round_trip(worker: Worker) -> None:
    """PW-088."""
    form = "FormData({'a': 'b', 'f': File(b'data', 'n.txt', content_type='text/css')})"
    answer = worker.respond(f"Response({form})")
    assert str(answer.header("content-type")).startswith("multipart/form-data; boundary=")
    read = f"(lambda f: [f['a'], f['f'].name, f['f'].content_type])(await Response({form}).form_data())"
    assert worker.evaluate(read) == ["b", "n.txt", "text/css"]


def test_search_params_body(worker: Worker) -> None:
    """PW-089."""
    answer = worker.respond("Response(js.URLSearchParams.new('a=1'))")
    content_type = "application/x-www-form-urlencoded;charset=UTF-8"
    assert (answer.text, answer.header("content-type")) == ("a=1", content_type)


@pytest.mark.parametrize(
    "body",
    [
        "js.Uint8Array.new([98, 99])",
        "js.Uint8Array.new([97, 98, 99, 100]).subarray(1, 3)",
        "js.DataView.new(js.Uint8Array.new([97, 98, 99]).buffer, 1)",
        "js.Uint8Array.new([98, 99]).buffer",
        "js.Blob.new(['bc'])",
        "js.Response.new('bc')",
    ],
)
def test_buffer_bodies_send_the_viewed_bytes(worker: Worker, body: str) -> None:
    """PW-087, PW-090."""
    assert worker.respond(f"Response({body})").text == "bc"


def test_transform_stream_body_arrives_chunk_by_chunk(worker: Worker) -> None:
    """PW-091."""
    handler = """
        import asyncio
        from js import TextEncoder, TransformStream
        from workers import Response, WorkerEntrypoint, wait_until

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                stream, encoder = TransformStream.new(), TextEncoder.new()
                async def write():
                    writer = stream.writable.getWriter()
                    for number in range(3):
                        await writer.write(encoder.encode(f"{number};"))
                    await writer.close()
                wait_until(write())
                return Response(stream.readable)
        """
    assert worker.fetch(handler).chunks == ("0;", "1;", "2;")


def test_readable_stream_with_an_async_start(worker: Worker) -> None:
    """PW-092."""
    handler = """
        import asyncio
        from js import ReadableStream, Uint8Array
        from pyodide.ffi import create_proxy, to_js
        from workers import Response, WorkerEntrypoint

        async def start(controller):
            for number in range(3):
                controller.enqueue(to_js(f"{number};".encode()))
                await asyncio.sleep(0)
            controller.close()

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response(ReadableStream.new(start=create_proxy(start)))
        """
    assert worker.fetch(handler).chunks == ("0;", "1;", "2;")


def test_controller_error_breaks_the_body(worker: Worker) -> None:
    """PW-093."""
    handler = """
        from js import ReadableStream
        from pyodide.ffi import create_proxy
        from workers import Response, WorkerEntrypoint

        @create_proxy
        def pull(controller):
            controller.error(ValueError("broken"))

        class Default(WorkerEntrypoint):
            async def fetch(self, request):
                return Response(ReadableStream.new(pull=pull))
        """
    assert worker.fetch(handler).message == "broken"


def test_outbound_fetch(worker: Worker) -> None:
    """PW-021, PW-096, PW-097."""
    call = "await fetch('https://up.test/x', method='POST', headers={'a': 'b'}, body=json.dumps([1]))"
    answer = worker.respond(call, upstream={"status": 418, "body": ["a", "b"]})
    assert (answer.status, answer.text) == (418, "ab")
    assert answer.header("x-seen") == "fetch POST https://up.test/x [1]"


def test_outbound_fetch_takes_one_positional_argument(worker: Worker) -> None:
    """PW-098."""
    message = worker.respond("await fetch('https://up.test', {'method': 'POST'})").message
    assert "takes 1 positional argument but 2 were given" in message


def test_network_failure_is_an_oserror(worker: Worker) -> None:
    """PW-100."""
    answer = worker.respond("await fetch('https://up.test')")
    assert (answer.error, answer.message) == ("AbortError", "Network connection lost.")


def test_upstream_body_is_streamed_on(worker: Worker) -> None:
    """PW-101."""
    call = "Response((await fetch('https://up.test')).body, status=201, headers={'x': 'y'})"
    answer = worker.respond(call, upstream={"body": ["a", "b"]})
    assert (answer.status, answer.header("x"), answer.chunks) == (201, "y", ("a", "b"))


@pytest.mark.parametrize(
    "options",
    [
        "__import__('pyodide.ffi').ffi.to_js({'method': 'POST', 'body': 'b'}, dict_converter=js.Object.fromEntries)",
        "method='POST', body='b'",
    ],
)
def test_raw_fetch(worker: Worker, options: str) -> None:
    """PW-102, PW-103."""
    read = f"(lambda r: [r.constructor.name, r.headers.get('x-seen')])(await js.fetch('https://up.test', {options}))"
    assert worker.evaluate(read, upstream={"body": []}) == ["Response", "fetch POST https://up.test/ b"]


def test_fetch_at_module_level_is_refused(worker: Worker) -> None:
    """PW-104."""
    answer = worker.fetch("import js; js.fetch('https://up.test')", upstream={"body": []})
    assert (answer.error, answer.message[:57]) == (
        "JsException",
        "Error: Disallowed operation called within global scope. A",
    )
