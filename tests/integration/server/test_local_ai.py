"""The endpoints below /cdn-cgi/local/ai/, and the commands that use them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

PHI = "@cf/microsoft/phi-2"
LOCAL = "/cdn-cgi/local/ai"
CALLER = f"""
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/call"):
            await self.env.AI.run("{PHI}", {{"prompt": "x"}})
        return Response("done")
"""


@pytest.fixture
def engine() -> ScriptedEngine:
    gate = Gate()
    gate.open()
    return ScriptedEngine(["one two"] * 5, load_gate=gate, context_tokens=2048)


def _visit(serve: Any, engine: ScriptedEngine, *orders: tuple[str, dict[str, Any]]) -> list[httpx.Response]:
    async def scene() -> list[httpx.Response]:
        async with serve("", engine) as running:
            return [await running.client.post(f"{LOCAL}/{name}", json=body) for name, body in orders]

    return asyncio.run(scene())


def test_nothing_is_loaded_before_the_first_call(serve: Any, engine: ScriptedEngine) -> None:
    """DT-095"""

    async def scene() -> tuple[dict[str, Any], dict[str, Any]]:
        async with serve(CALLER, engine) as running:

            async def states() -> dict[str, Any]:
                models = (await running.client.get(f"{LOCAL}/status")).json()["models"]
                return {name: model["state"] for name, model in models.items()}

            await running.client.get("/imported")
            before = await states()
            await running.client.get("/call")
            return before, await states()

    before, after = asyncio.run(scene())
    assert before
    assert set(before.values()) == {"cold"}
    assert after[PHI] == "warm"


def test_orders_answer_with_the_state_that_they_leave(serve: Any, engine: ScriptedEngine) -> None:
    orders = [
        ("load", {"model": PHI}),
        ("pin", {"model": PHI}),
        ("unload", {"model": PHI}),
        ("pin", {"model": PHI, "pinned": False}),
        ("unload", {"model": PHI}),
    ]
    load, pin, refused, unpin, unload = _visit(serve, engine, *orders)
    assert (load.json()["state"], load.json()["expires_in_s"] > 299, load.json()["context_tokens"]) == (
        "warm",
        True,
        2048,
    )
    assert (pin.json()["pinned"], pin.json()["expires_in_s"]) == (True, None)
    assert (refused.status_code, refused.text.partition(":")[2].strip()[:13]) == (409, "it is pinned.")
    assert unpin.json()["pinned"] is False
    assert unload.json()["state"] == "cold"


@pytest.mark.parametrize(
    ("name", "body", "status", "text"),
    [
        ("load", {"model": "@cf/none"}, 400, "No such model @cf/none"),
        ("load", {}, 400, 'expected {"model": "@cf/..."}'),
        ("load", {"model": PHI, "keep": 1}, 400, "unknown field `keep`"),
        ("ps", {}, 405, "expected GET; got POST"),
    ],
)
def test_orders_that_are_wrong_are_refused(serve: Any, engine: ScriptedEngine, name, body, status, text) -> None:
    (answer,) = _visit(serve, engine, (name, body))
    assert answer.status_code == status
    assert text in answer.text


def test_orders_from_another_site_are_refused(serve: Any, engine: ScriptedEngine) -> None:
    """DT-045"""

    async def scene() -> httpx.Response:
        async with serve("", engine) as running:
            return await running.client.post(
                f"{LOCAL}/unload", json={"model": PHI}, headers={"origin": "https://evil.example"}
            )

    answer = asyncio.run(scene())
    assert (answer.status_code, answer.text) == (403, "Invalid Origin header")


def test_commands_load_show_and_unload(command: Any, engine: ScriptedEngine, capsys: pytest.CaptureFixture) -> None:
    """DT-109"""
    codes = command(engine, ["ps"], ["load", PHI], ["ps"], ["pin", PHI], ["unload", PHI], ["unload", PHI, "--force"])
    out, error = capsys.readouterr()
    assert codes == [0, 0, 0, 0, ExitCode.FAILURE, 0]
    nothing, loaded, head, row, pinned, unloaded = out.splitlines()
    assert nothing == "No model has been asked for yet."
    assert (loaded, pinned, unloaded) == (f"{PHI}: warm", f"{PHI}: warm, pinned", f"{PHI}: cold, pinned")
    assert head.split() == ["MODEL", "STATE", "WEIGHTS", "MEMORY", "CTX", "RUNNING/QUEUED", "UNTIL"]
    assert row.split() == [PHI, "warm", "stand_in", "-", "2048", "0/0", "5", "min"]
    assert "stays loaded: it is pinned. Force the unload (--force)" in error


def test_command_without_a_server_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n')
    assert main(["ai", "ps", "--port", "9"]) == ExitCode.FAILURE
    assert "No dev server answers at http://127.0.0.1:9. Start one with `paddock dev`" in capsys.readouterr().err


def test_calls_say_how_long_their_model_stays(serve: Any, engine: ScriptedEngine) -> None:
    async def scene() -> list[Any]:
        async with serve("", engine) as running:
            url = f"/client/v4/accounts/a/ai/run/{PHI}"
            wrong = await running.client.post(url, params={"keep_alive": "soon"}, json={"prompt": "x"})
            await running.client.post(url, params={"keep_alive": "10m"}, json={"prompt": "x"})
            told = await running.client.get(f"{LOCAL}/ps")
            return [wrong, told.json()["models"][PHI]["expires_in_s"]]

    wrong, expires_in_s = asyncio.run(scene())
    assert wrong.status_code == 400
    assert "keep_alive: expected seconds, or a duration such as 5m" in wrong.text
    assert 300 < expires_in_s <= 600
