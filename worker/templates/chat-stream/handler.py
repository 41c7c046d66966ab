"""A chat whose answers come as they are written.

curl -N localhost:8787/chat -d '{"messages": [{"role": "user", "content": "Hello"}]}'
"""

from json import JSONDecodeError
from typing import Any, Final
from urllib.parse import urlsplit

from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

MODEL: Final = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
ROLES: Final = ("user", "assistant")


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if (request.method, urlsplit(request.url).path) != ("POST", "/chat"):
            return Response("Not found", status=404)
        try:
            messages = [{"role": "system", "content": self.env.SYSTEM}, *checked(await request.json())]
            stream = await self.env.AI.run(MODEL, {"messages": messages, "stream": True})
        except (JSONDecodeError, JsException, ValueError) as error:
            return Response.json({"error": str(error)}, status=400)
        return Response(stream, headers={"content-type": "text/event-stream"})


def checked(body) -> list[Any]:
    """The messages of a body. Raises ValueError for anything else."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages:
        raise ValueError('Expected {"messages": [{"role": "user", "content": "..."}]}')
    for message in messages:
        is_right = (
            isinstance(message, dict) and message.get("role") in ROLES and isinstance(message.get("content"), str)
        )
        if not is_right:
            raise ValueError(f"Expected a role of {' or '.join(ROLES)} and a content in {message}")
    return messages
