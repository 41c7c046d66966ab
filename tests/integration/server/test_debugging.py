"""A debugger's client at the inspector's port, as the protocol describes it: a real debugpy, in real isolates."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.config.settings import Overrides
from paddock.worker.dap import encoded, read_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from paddock.worker.dap import Message

pytest.importorskip("debugpy")

TOP = """
def answer(number):
    doubled = number * 2
    return str(doubled)
"""
ANY_PORT = Overrides(inspector_port=0)
#: Of `doubled = ...`, whose place the text around it decides.
LINE = 6


class Debugger:
    """The client. What comes is kept until it is waited for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._number = 0
        self._come: list[Message] = []

    async def _until(self, is_wanted: Callable[[Message], bool]) -> Message:
        for message in self._come:
            if is_wanted(message):
                self._come.remove(message)
                return message
        while not is_wanted(message := await read_message(self._reader)):
            self._come.append(message)
        return message

    def send(self, command: str, **arguments: Any) -> int:
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        self._writer.write(encoded(request))
        return self._number

    async def call(self, command: str, **arguments: Any) -> Message:
        number = self.send(command, **arguments)
        reply = await self._until(lambda m: m["type"] == "response" and m["request_seq"] == number)
        assert reply["success"] and reply["command"] == command, reply
        return reply

    async def event(self, name: str) -> Message:
        return await self._until(lambda m: m.get("event") == name)

    async def attach(self, file: Path, line: int = LINE, *, just_my_code: bool = True) -> None:
        """What clients say at the start, with one breakpoint."""
        await self.call("initialize", adapterID="python", pathFormat="path")
        attaching = self.send("attach", justMyCode=just_my_code)
        await self.event("initialized")
        reply = await self.call("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        assert reply["body"]["breakpoints"][0]["verified"]
        await self.call("configurationDone")
        await self._until(lambda m: m["type"] == "response" and m["request_seq"] == attaching)

    async def stopped(self) -> tuple[int, str, int]:
        """Thread, function and line of the next stop."""
        thread = (await self.event("stopped"))["body"]["threadId"]
        frame = (await self.call("stackTrace", threadId=thread))["body"]["stackFrames"][0]
        return thread, frame["name"], frame["line"]


@contextlib.asynccontextmanager
async def debugger(edited: Any) -> AsyncIterator[Debugger]:
    found = re.search(r"Debuggers connect to ([\d.]+):(\d+)", "\n".join(edited.log.all))
    assert found is not None
    reader, writer = await asyncio.open_connection(found[1], int(found[2]))
    try:
        yield Debugger(reader, writer)
    finally:
        writer.close()


def test_a_breakpoint_stops_the_handler_and_it_goes_on(edit) -> None:
    """DT-041"""

    async def run() -> tuple[str, int, str, str]:
        async with edit("answer(21)", top=TOP, overrides=ANY_PORT) as edited, debugger(edited) as client:
            await client.attach(edited.root / "src" / "handler.py")
            async with asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(edited.text())
                thread, name, line = await client.stopped()
                frames = await client.call("stackTrace", threadId=thread)
                scopes = await client.call("scopes", frameId=frames["body"]["stackFrames"][0]["id"])
                reference = scopes["body"]["scopes"][0]["variablesReference"]
                variables = await client.call("variables", variablesReference=reference)
                number = next(v["value"] for v in variables["body"]["variables"] if v["name"] == "number")
                await client.call("continue", threadId=thread)
                return name, line, number, await asked

    assert asyncio.run(run()) == ("answer", LINE, "21", "42")


def test_breakpoints_and_the_session_outlive_reloads(edit) -> None:
    """DT-041: the second one while the handler is stopped, which goes on with its old code."""

    async def run() -> list[object]:
        async with edit("answer(1)", top=TOP, overrides=ANY_PORT) as edited, debugger(edited) as client:
            await client.attach(edited.root / "src" / "handler.py")
            seen: list[object] = []
            async with asyncio.TaskGroup() as tasks:
                for number in (2, 3):
                    edited.handler(f"answer({number})", TOP)
                    asked = tasks.create_task(_text_after(edited, "⎔ Local server updated"))
                    thread, name, line = await client.stopped()
                    seen.append((name, line))
                    if number == 3:
                        edited.handler("'newest'", TOP)
                        await edited.log.line("⎔ Local server updated")
                        seen += [await asked, await edited.text()]
                    else:
                        await client.call("continue", threadId=thread)
                        seen.append(await asked)
            return seen

    assert asyncio.run(run()) == [("answer", LINE), "4", ("answer", LINE), "6", "newest"]


async def _text_after(edited: Any, line: str) -> str:
    await edited.log.line(line)
    text: str = await edited.text()
    return text


@pytest.mark.parametrize("just_my_code", [True, False])
def test_inspect_brk_stops_at_the_first_line_once(edit, just_my_code: bool) -> None:
    """DT-041: at that of the handler, not of what imports it; a reload stops nowhere."""

    async def run() -> list[object]:
        async with edit("WORD", top="WORD = 'here'", overrides=ANY_PORT, inspect_brk=True) as edited:
            await edited.log.line("Debuggers connect to")
            async with debugger(edited) as client:
                await client.attach(edited.root / "src" / "handler.py", 3, just_my_code=just_my_code)
                seen: list[object] = []
                for _ in range(2):
                    thread, name, line = await client.stopped()
                    seen.append((name, line))
                    await client.call("continue", threadId=thread)
                seen.append(await edited.text())
                await client.call("setBreakpoints", source={"path": str(edited.root / "src" / "handler.py")})
                edited.handler("'newer'")
                seen.append(await _text_after(edited, "⎔ Local server updated"))
                return seen

    assert asyncio.run(run()) == [("<module>", 2), ("<module>", 3), "here", "newer"]


def test_a_client_that_goes_leaves_the_handler_running_and_another_may_come(edit) -> None:
    """DT-041"""

    async def run() -> list[object]:
        async with edit("answer(1)", top=TOP, overrides=ANY_PORT) as edited:
            seen: list[object] = []
            for _ in range(2):
                async with asyncio.TaskGroup() as tasks:
                    async with debugger(edited) as client:
                        await client.attach(edited.root / "src" / "handler.py")
                        asked = tasks.create_task(edited.text())
                        seen.append((await client.stopped())[2])
                    seen.append(await asked)
            return seen

    assert asyncio.run(run()) == [LINE, "2", LINE, "2"]
