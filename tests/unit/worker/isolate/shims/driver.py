"""A bare isolate for tests: the shims first on the path, the official SDK over them, handlers from standard input.

Runs as a script in its own process (`python -P driver.py SHIMS`). One line of JSON in is a case: a handler's text, a
request, the members of `env`, the reply to outbound fetches. One line out is what the client would have seen.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import sys
import types
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Answer cases until standard input ends."""
    sys.path.insert(0, sys.argv[1])
    _say("ready")
    for line in sys.stdin:
        _say(json.dumps(asyncio.run(_serve(json.loads(line)))))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _serve(case: dict[str, Any]) -> dict[str, Any]:
    from paddock.worker.isolate.web.request import Request
    from paddock.worker.isolate.web.scope import enter_request

    async with enter_request(), asyncio.TaskGroup() as background:
        request = Request.from_parts(
            case["method"], case["url"], case["headers"], _source(case["body"]), cf={"country": "AT"}
        )
        try:
            return await _sent(await _call(case, request, background))
        except Exception as error:  # the handler's own: the test looks at it
            return {"error": type(error).__name__, "message": str(error)}


async def _call(case: dict[str, Any], request: Any, background: asyncio.TaskGroup) -> Any:
    import _cloudflare_compat_flags  # type: ignore[import-not-found]  # exists on the path of isolates only
    import _pyodide_entrypoint_helper  # type: ignore[import-not-found]  # exists on the path of isolates only
    from workers import python_from_rpc, python_to_rpc

    from paddock.worker.isolate.web.fetch import set_transport
    from paddock.worker.isolate.web.objects import JsObject

    env = _env(case["env"])
    set_transport(_transport(case["upstream"]))
    _cloudflare_compat_flags.install({"python_request_headers_preserve_commas": True})
    _pyodide_entrypoint_helper.install(env, lambda work: background.create_task(_finish(work)))
    module = types.ModuleType("handler")
    # Module level belongs to no event.
    contextvars.Context().run(exec, compile(case["handler"], "handler.py", "exec"), module.__dict__)
    if not hasattr(module, "Default"):
        return await module.on_fetch(request, env, JsObject())
    return python_to_rpc(await module.Default(JsObject(), env).fetch(python_from_rpc(request)))


async def _finish(work: Any) -> None:
    await work


async def _sent(response: Any) -> dict[str, Any]:
    from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes

    head = {"status": response.status, "reason": response.statusText, "headers": response.header_pairs()}
    payload = response.payload()
    if not isinstance(payload, ReadableStream):
        return head | {"chunks": [] if payload is None else [payload.decode("latin-1")]}
    return head | {"chunks": [piece.decode("latin-1") async for piece in iterate_bytes(payload)]}


def _env(members: dict[str, Any]) -> Any:
    from paddock.worker.isolate.web.jsonvalue import from_python, stringify
    from paddock.worker.isolate.web.objects import JsObject, JsProxy
    from paddock.worker.isolate.web.promise import promised

    class Ai(JsProxy):
        """Answers with what it was asked, as it arrived."""

        @promised
        async def run(self, model: str, inputs: object = None, options: object = None) -> object:
            return JsObject({"response": f"{model} {stringify(inputs)} {stringify(options)}", "nothing": None})

    return JsObject({name: Ai() if value == "<ai>" else from_python(value) for name, value in members.items()})


def _transport(upstream: dict[str, Any] | None) -> Any:
    from paddock.worker.isolate.web.errors import JsException
    from paddock.worker.isolate.web.response import Response
    from paddock.worker.isolate.web.streams import ReadableStream

    async def transport(target: str, request: Any) -> Any:
        if upstream is None:
            raise JsException("TypeError", "Network connection lost.")
        body = request.payload()
        assert not isinstance(body, ReadableStream), "these cases send complete bodies"
        seen = f"{target} {request.method} {request.url} {(body or b'').decode()}"
        headers = [("x-seen", seen), *upstream.get("headers", ())]
        return Response.from_parts(upstream.get("status", 200), "", headers, _source(upstream["body"]), request.url)

    return transport


def _source(pieces: list[str] | None) -> Any:
    """A body that arrives in pieces; None for no body."""
    if pieces is None:
        return None

    waiting = [piece.encode() for piece in pieces]

    class Source:
        async def pull(self) -> bytes | None:
            await asyncio.sleep(0)
            return waiting.pop(0) if waiting else None

        async def cancel(self, reason: object) -> None:
            waiting.clear()

    return Source()


if __name__ == "__main__":
    main()
