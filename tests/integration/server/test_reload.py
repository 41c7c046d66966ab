"""A dev server whose files are edited while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.hostplan import HostPlan

UPDATED = "⎔ Local server updated and ready"
PHI = SHIPPED_CATALOG / "@cf" / "microsoft" / "phi-2.md"


def save(file: Path, text: str) -> None:
    """As editors do: the file is another one afterwards."""
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text)
    beside.rename(file)


def test_saved_handler_serves_at_the_same_port(edit) -> None:
    """DT-028: twice within a second, and of the same length."""

    async def run() -> list[str]:
        async with edit("'a'") as edited:
            answers = [await edited.text()]
            for answer in ("'b'", "'c'"):
                edited.handler(answer)
                await edited.log.line("⎔ Reloading local server... (handler.py changed)")
                answers.append(await edited.text())
                await edited.log.line(UPDATED)
            return answers

    assert asyncio.run(run()) == ["a", "b", "c"]


@pytest.mark.parametrize("file", ["src/lib.py", "src/query.sql", "python_modules/pack/__init__.py", "linked/lib.py"])
def test_whatever_the_handler_reads_when_it_is_imported_reloads_it(edit, tmp_path: Path, file: str) -> None:
    """DT-033: an imported module, a data file, an installed package, a file behind a link."""
    place = tmp_path / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("WORD = 'old'")
    if file.startswith("linked"):
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "lib.py").symlink_to(place)
    top = {"src/query.sql": "import pathlib\nWORD = pathlib.Path(__file__).with_name('query.sql').read_text()"}.get(
        file, "from pack import WORD" if "pack" in file else "from lib import WORD"
    )

    async def run() -> tuple[str, str]:
        async with edit("WORD", top=top) as edited:
            old = await edited.text()
            save(place, "WORD = 'new'")
            await edited.log.line("⎔ Reloading local server...")
            return old, await edited.text()

    assert ["old" in text for text in asyncio.run(run())] == [True, False]


def test_engines_stay_through_ten_reloads(edit) -> None:
    """DT-029: a real host process, over an engine that only counts."""
    folder = Path(__file__).parents[2] / "unit" / "bindings" / "ai" / "engines"
    plan = HostPlan(host="fake_host:main", modules=(), environment={"PYTHONPATH": str(folder)})
    model = "@cf/microsoft/phi-2"
    ask = f"str((await self.env.AI.run('{model}', {{'prompt': 'one'}}))['response'])"

    async def run() -> tuple[list[str], set[int]]:
        forkserver = ForkServer(plan)
        forkserver.start()
        answers, pids = [], set()
        async with edit(f"'0' + {ask}", keys='ai = {binding = "AI"}', forkserver=forkserver) as edited:
            for number in range(1, 11):
                edited.handler(f"'{number}' + {ask}")
                await edited.log.line(UPDATED)
                answers.append(await edited.text())
                status = (await edited.client.get("/cdn-cgi/local/ai/status")).json()
                pids.add(status["models"][model]["pid"])
        return answers, pids

    answers, pids = asyncio.run(run())
    assert [answer[: len(str(number))] for number, answer in enumerate(answers, 1)] == [str(n) for n in range(1, 11)]
    assert len(pids) == 1 and None not in pids


def test_a_syntax_error_is_shown_and_mended(edit) -> None:
    """DT-032"""

    async def run() -> tuple[httpx.Response, str]:
        async with edit() as edited:
            edited.handler("1 +")
            await edited.log.line("SyntaxError")
            broken = await edited.client.get("/")
            edited.handler("'mended'")
            await edited.log.line(UPDATED)
            return broken, await edited.text()

    broken, mended = asyncio.run(run())
    assert broken.status_code == 500 and mended == "mended"
    assert "src/handler.py:6:" in broken.text and "return Response(1 +)" in broken.text and "^" in broken.text


def test_without_reload_files_are_left_alone(edit) -> None:
    """DT-033: --no-reload"""

    async def run() -> tuple[str, int]:
        async with edit("'old'", reload=False) as edited:
            edited.handler("'new'")
            edited.config("new")
            return await edited.text(), len([task for task in asyncio.all_tasks() if "worker/reload.py" in repr(task)])

    assert asyncio.run(run()) == ("old", 0)


def test_configuration_and_secrets_apply_at_once(edit) -> None:
    """DT-034: variables, secrets, limits and flags."""

    async def run() -> list[str]:
        async with edit("self.env.GREETING + ' ' + str(getattr(self.env, 'KEY', 0))") as edited:
            answers = [await edited.text()]
            edited.config("hello")
            await edited.log.line("⎔ Reloading local server... (wrangler.toml changed)")
            answers.append(await edited.text())
            await edited.log.line(UPDATED)
            save(edited.root / ".dev.vars", "KEY=s3cret-value")
            await edited.log.line("⎔ Reloading local server... (.dev.vars changed)")
            answers.append(await edited.text())
            return answers

    assert asyncio.run(run()) == ["hi 0", "hello 0", "hello s3cret-value"]


def test_a_wrong_configuration_says_all_that_is_wrong_and_changes_nothing(edit) -> None:
    """DT-034"""

    async def run() -> tuple[str, str, str]:
        async with edit("self.env.GREETING") as edited:
            edited.config("new", keys='main = 7\nai = "AI"')
            said = await edited.log.line("✘ [ERROR]")
            kept = await edited.text()
            edited.config("mended")
            await edited.log.line(UPDATED)
            return said, kept, await edited.text()

    said, kept, mended = asyncio.run(run())
    assert "wrangler.toml" in said and (kept, mended) == ("hi", "mended")


def test_what_cannot_change_while_it_runs_is_named_and_stays(edit) -> None:
    """DT-034"""

    async def run() -> tuple[str, str, str]:
        async with edit("self.env.GREETING") as edited:
            edited.config("new", tables="concurrency = 3\n[dev]\nport = 9999")
            port = await edited.log.line("dev.port takes effect at the next start")
            other = await edited.log.line("paddock.engine.concurrency takes effect")
            await edited.log.line(UPDATED)
            return port, other, await edited.text()

    port, other, answer = asyncio.run(run())
    assert port.endswith("until then it is 8787, not 9999.") and "unset, not 3" in other and answer == "new"


def test_model_files_come_change_and_go(edit) -> None:
    """DT-035"""
    mine = PHI.read_text().replace("@cf/microsoft/phi-2", "@cf/me/mine")
    path = "/client/v4/accounts/any/ai/models/schema?model=@cf/me/mine"

    async def run() -> list[object]:
        async with edit() as edited:
            file = edited.root / "catalog" / "mine.md"
            file.parent.mkdir()
            save(file, mine)
            seen: list[object] = [await edited.log.line("⎔ Catalog updated")]
            save(file, mine.replace("4096", "77"))
            seen.append(await edited.log.line("changed @cf/me/mine"))
            seen.append("77" in await edited.text(path))
            save(file, mine.replace("model:", "model: [", 1))
            seen.append(await edited.log.line("mine.md"))
            seen.append((await edited.client.get(path)).status_code)
            await edited.log.line("⎔ Catalog updated")
            file.unlink()
            seen.append(await edited.log.line("gone @cf/me/mine"))
            seen.append((await edited.client.get(path)).status_code)
            return seen

    added, changed, is_new, warned, status, gone, after = asyncio.run(run())
    assert "new @cf/me/mine" in str(added) and "mine.md changed" in str(changed) and is_new
    assert "▲ [WARNING]" in str(warned) and "line " in str(warned) and status == 200
    assert gone and after != 200
