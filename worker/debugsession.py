"""One client's session of the Debug Adapter Protocol, over the debuggers of any number of isolates, one after another.

Requests are numbered anew on their way to an isolate, and answers get the client's numbers back. Source: the protocol's
overview, "Initialization" and "Launching and attaching"; debugpy 1.8.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker.dap import encoded, read_message

if TYPE_CHECKING:
    from paddock.worker.dap import Message

__all__ = ["DebugSession"]

#: What is said again to every isolate; of two that say the same of the same source, the last one counts.
_KEPT: Final = frozenset(
    {
        "setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints", "setDebuggerProperty",
        "setPydevdSourceMap",
    }
)  # fmt: skip
_ENDS: Final = frozenset({"disconnect", "terminate"})
#: Of an isolate that leaves; the session goes on.
_SWALLOWED: Final = frozenset({"terminated", "exited"})
#: What a new isolate says to what it is told again.
_OF_START: Final = frozenset({"initialized", "process"})
#: Frames of Paddock are none of the user's code.
_RULES: Final = [{"path": f"{Path(__file__).parent}/**", "include": False}]
#: An isolate that is killed meanwhile does not answer.
_ANSWER_S: Final = 10.0


class DebugSession:
    """`attach` leads it to an isolate, `ask` passes a request of the client on."""

    def __init__(self, client: asyncio.StreamWriter, tasks: asyncio.TaskGroup) -> None:
        self._client = client
        self._tasks = tasks
        self._sequence = 0
        self._to_isolate = 0
        #: Number of a request to the isolate -> the client's request.
        self._asked: dict[int, Message] = {}
        #: Number of a request of our own -> its answer.
        self._own: dict[int, asyncio.Future[Message]] = {}
        self._kept: dict[tuple[str, str], Message] = {}
        self._isolate: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._attached = asyncio.Event()
        self._initialized = asyncio.Event()
        self._threads: set[int] = set()
        self._is_restoring = False
        #: Whether the client has said all that it has to say before code runs.
        self.is_configured = False
        self.is_over = False

    async def ask(self, request: Message) -> None:
        """Pass a request on; while there is no isolate, that waits."""
        if request.get("type") != "request":
            return
        command, arguments = str(request.get("command")), request.get("arguments") or {}
        if command in _ENDS:
            self._answer(request, {})
            self.is_over = True
            return
        if command in ("attach", "launch"):
            arguments = {**arguments, "rules": [*_RULES, *arguments.get("rules", [])], "subProcess": False}
            request = {**request, "command": "attach", "arguments": arguments}
        await self._attached.wait()
        self._keep(request)
        number = self._send(str(request["command"]), arguments)
        self._asked[number] = {**request, "command": command}

    async def attach(self, port: int) -> None:
        """Leave the isolate that is debugged, and go on with another one. Nothing if that one has ended already."""
        await self._leave()
        try:
            reader, isolate = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        self._isolate = isolate
        self._initialized.clear()
        self._reading = self._tasks.create_task(self._read(reader, isolate))
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_ANSWER_S):
                await self._restore()
        self._attached.set()

    async def close(self) -> None:
        """Let the isolate run on, and hang up on the client."""
        self.is_over = True
        await self._leave()
        self._client.close()

    def _keep(self, request: Message) -> None:
        command, arguments = request["command"], request.get("arguments") or {}
        if command in ("initialize", "attach"):
            self._kept[command, ""] = request
        elif command in _KEPT:
            self._kept[command, str((arguments.get("source") or {}).get("path"))] = request
        elif command == "configurationDone":
            self.is_configured = True

    async def _restore(self) -> None:
        """Say everything again that the client has said, in the order of the protocol."""
        first, attach = self._kept.get(("initialize", "")), self._kept.get(("attach", ""))
        if first is None:
            return
        self._is_restoring = True
        try:
            await self._request(first)
            if attach is None:
                return
            attaching = self._begin(attach)
            await self._initialized.wait()
            for request in [kept for (command, _), kept in self._kept.items() if command in _KEPT]:
                await self._request(request)
            if self.is_configured:
                await self._request({"command": "configurationDone"})
            await attaching
        finally:
            self._is_restoring = False

    def _begin(self, request: Message) -> asyncio.Future[Message]:
        number = self._send(request["command"], request.get("arguments") or {})
        self._own[number] = future = asyncio.get_running_loop().create_future()
        return future

    async def _request(self, request: Message) -> Message:
        return await self._begin(request)

    async def _leave(self) -> None:
        reading, self._reading = self._reading, None
        isolate, self._isolate = self._isolate, None
        if isolate is not None:
            self._to_isolate += 1
            # Said, and not only done: otherwise its breakpoints stay.
            request = {"command": "disconnect", "arguments": {"terminateDebuggee": False}}
            isolate.write(encoded({"seq": self._to_isolate, "type": "request", **request}))
            with contextlib.suppress(ConnectionError):
                await isolate.drain()
            isolate.close()
        if reading is not None:
            reading.cancel()
        self._forget()

    def _forget(self) -> None:
        """What was going on in the isolate that was debugged goes on no longer."""
        self._attached.clear()
        for request in self._asked.values():
            self._answer(request, None, "the worker was replaced")
        self._asked.clear()
        for future in self._own.values():
            future.cancel()
        self._own.clear()
        for thread in self._threads:
            self._tell("thread", {"reason": "exited", "threadId": thread})
        self._threads.clear()

    async def _read(self, reader: asyncio.StreamReader, isolate: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while True:
                self._pass_on(await read_message(reader))
        isolate.close()
        if self._isolate is isolate:
            self._isolate = None
            self._forget()

    def _pass_on(self, message: Message) -> None:
        if message.get("type") == "response":
            number = message.get("request_seq", 0)
            if number in self._own:
                future = self._own.pop(number)
                if not future.done():
                    future.set_result(message)
            elif (request := self._asked.pop(number, None)) is not None:
                self._to_client({**message, "request_seq": request["seq"], "command": request["command"]})
            return
        event, body = message.get("event"), message.get("body") or {}
        if event == "initialized":
            self._initialized.set()
        if event == "thread":
            (self._threads.add if body.get("reason") == "started" else self._threads.discard)(body.get("threadId", 0))
        if event not in _SWALLOWED and not (self._is_restoring and event in _OF_START):
            self._to_client(message)

    def _send(self, command: str, arguments: Message) -> int:
        self._to_isolate += 1
        if self._isolate is not None:
            message = {"seq": self._to_isolate, "type": "request", "command": command, "arguments": arguments}
            self._isolate.write(encoded(message))
        return self._to_isolate

    def _answer(self, request: Message, body: Message | None, problem: str = "") -> None:
        answer = {"type": "response", "request_seq": request["seq"], "command": request["command"]}
        self._to_client({**answer, "success": not problem, "message": problem, "body": body or {}})

    def _tell(self, event: str, body: Message) -> None:
        self._to_client({"type": "event", "event": event, "body": body})

    def _to_client(self, message: Message) -> None:
        self._sequence += 1
        if not self._client.is_closing():
            self._client.write(encoded({**message, "seq": self._sequence}))
