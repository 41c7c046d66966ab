"""Finetunes by REST: created, filled, listed, and used."""

import asyncio
import json
import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.doors import rest
from paddock.bindings.ai.engines.protocol import Adapter
from paddock.bindings.binding import FetchRequest
from paddock.worker.channel import BodyBroken

from .adapters import CONFIG, MISTRAL, RANCH_HAND, WEIGHTS, config, weights
from .conftest import AI, Account

PHI = "@cf/microsoft/phi-2"


def filled(account: Account, name: str = "mine") -> dict[str, Any]:
    """A finetune with the files of the adapter that ships."""
    made: dict[str, Any] = account.create(MISTRAL, name, description="")[1]["result"]
    for file_name in (CONFIG, WEIGHTS):
        status, body = account.upload(name, file_name, (RANCH_HAND / file_name).read_bytes())
        assert status == 200, body
    return made


def run(account: Account, lora: str, model: str = MISTRAL) -> tuple[int, Any]:
    return account.ask("POST", f"/run/{model}", json.dumps({"prompt": "x", "lora": lora}).encode())


def code_and_text(answer: tuple[int, Any]) -> tuple[int, int, str]:
    status, body = answer
    return status, body["errors"][0]["code"], body["errors"][0]["message"]


def test_a_finetune_is_created_filled_and_listed(account: Account) -> None:
    """WA-116, WA-137"""
    made = filled(account)
    assert list(made) == ["id", "name", "model", "description", "public", "created_at", "modified_at"]
    (row,) = account.ask("GET", "/finetunes/")[1]["result"]
    assert list(row) == ["id", "name", "model", "description", "created_at", "modified_at"]
    assert (row["id"], row["model"]) == (made["id"], MISTRAL)
    assert row["modified_at"] >= row["created_at"]
    assert account.files() == [".gitignore", CONFIG, WEIGHTS]


def test_an_upload_tells_both_generations_of_sdks_what_they_read(account: Account) -> None:
    """WA-137"""
    made = account.create(MISTRAL, "mine")[1]["result"]
    body = account.upload(made["id"], CONFIG, config())[1]["result"]
    assert (body["finetune_id"], body["file_name"], body["success"]) == (made["id"], CONFIG, True)
    assert {"id", "bucket_name", "created_at", "modified_at"} < set(body)


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_call_names_it_by_name_or_id(account: Account, by: str) -> None:
    """WA-138"""
    made = filled(account)
    assert run(account, made[by])[0] == 200
    folder = account.state / "v1" / "finetunes" / made["id"]
    assert account.engine.requests[-1].adapter == Adapter("mine", str(folder))


@pytest.mark.parametrize("files", [[], [CONFIG], [WEIGHTS]])
def test_a_call_needs_both_files(account: Account, files: list[str]) -> None:
    """WA-140"""
    account.create(MISTRAL, "mine")
    for file_name in files:
        account.upload("mine", file_name, (RANCH_HAND / file_name).read_bytes())
    status, code, text = code_and_text(run(account, "mine"))
    assert (status, code) == (400, 3039)
    assert "Finetune missing required files: Finetune is missing required files" in text


def test_an_adapter_is_its_own_models_only(account: Account) -> None:
    """WA-139"""
    filled(account)
    status, code, text = code_and_text(run(account, "mine", "@cf/qwen/qwen3-30b-a3b-fp8"))
    assert (status, code) == (404, 3037)
    assert "Finetune mine not found" in text
    assert code_and_text(run(account, "theirs"))[:2] == (404, 3037)


def test_a_model_without_adapters_has_no_finetunes(account: Account) -> None:
    """WA-141"""
    answer = account.create("@cf/baai/bge-small-en-v1.5", "mine")
    assert code_and_text(answer)[:2] in [(405, 5005), (400, 5007)]
    assert code_and_text(account.create("@cf/x/y", "mine"))[:2] == (400, 5007)


def test_only_public_ones_are_public(account: Account) -> None:
    for name, public in [("b", True), ("a", True), ("c", False)]:
        account.create(MISTRAL, name, public=public)

    def names(query: str = "") -> list[str]:
        return [row["name"] for row in account.ask("GET", f"/finetunes/public{query}")[1]["result"]]

    assert sorted(names()) == ["a", "b"]
    assert names("?orderBy=name") == ["a", "b"]
    assert names("?orderBy=name&limit=1") == ["a"]
    assert names("?orderBy=name&offset=1&limit=5") == ["b"]
    assert account.ask("GET", "/finetunes/public?limit=-1")[0] == 400
    assert account.ask("GET", "/finetunes/public?orderBy=id")[0] == 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "mine"}, "model"),
        ({"model": MISTRAL}, "name"),
        ([], "model, name"),
        ({"model": MISTRAL, "name": 7}, "$.name"),
        ({"model": MISTRAL, "name": ""}, "1 to 100 printable characters"),
        ({"model": MISTRAL, "name": "a\nb"}, "1 to 100 printable characters"),
        ({"model": MISTRAL, "name": "a" * 101}, "1 to 100 printable characters"),
        ({"model": MISTRAL, "name": "cf-public-mine"}, "prefix of Cloudflare's own"),
        ({"model": MISTRAL, "name": "taken"}, "there is a finetune taken already"),
        ({"model": MISTRAL, "name": "b", "description": "x" * 10_001}, "10000 characters"),
    ],
)
def test_a_creation_that_cannot_be(account: Account, body: object, said: str) -> None:
    account.create(MISTRAL, "taken")
    status, _, text = code_and_text(account.ask("POST", "/finetunes", json.dumps(body).encode()))
    assert status == 400
    assert said in text
    assert len(account.ask("GET", "/finetunes")[1]["result"]) == 1


def test_files_are_never_replaced(account: Account) -> None:
    account.create(MISTRAL, "mine")
    assert account.upload("mine", CONFIG, config())[0] == 200
    status, _, text = code_and_text(account.upload("mine", CONFIG, config(lora_alpha=9)))
    assert status == 400
    assert "cannot be replaced" in text
    (kept,) = account.state.rglob(CONFIG)
    assert json.loads(kept.read_bytes())["lora_alpha"] == 4


def test_a_link_in_the_place_of_a_file_is_not_followed(account: Account) -> None:
    made = account.create(MISTRAL, "mine")[1]["result"]
    target = account.state.parent / "precious"
    target.write_text("as it was")
    folder = account.state / "v1" / "finetunes" / made["id"]
    folder.mkdir(parents=True)
    (folder / CONFIG).symlink_to(target)
    assert account.upload("mine", CONFIG, config())[0] == 200
    assert target.read_text() == "as it was"
    assert not (folder / CONFIG).is_symlink()


def test_a_part_without_filename_is_a_file_as_well(account: Account) -> None:
    account.create(MISTRAL, "mine")
    assert account.upload("mine", WEIGHTS, weights(), filename=None)[0] == 200
    (kept,) = account.state.rglob(WEIGHTS)
    assert kept.read_bytes() == weights()


def test_there_are_at_most_so_many(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paddock.bindings.ai.finetunes.store.MAX_FINETUNES", 2)
    assert [account.create(MISTRAL, name)[0] for name in "abc"] == [200, 200, 400]


def test_a_look_makes_no_files(account: Account) -> None:
    assert account.ask("GET", "/finetunes")[1]["result"] == []
    assert run(account, "mine")[0] == 404
    assert not account.state.exists()


def test_a_finetune_of_a_model_that_has_left_is_of_no_other(account: Account, tmp_path: Path) -> None:
    """The text names the adapter, as for every adapter of another model. WA-139"""
    filled(account)
    own = tmp_path / "catalog"
    file = own / "@cf" / "own" / "base.md"
    file.parent.mkdir(parents=True)
    file.write_text((SHIPPED_CATALOG / f"{MISTRAL}.md").read_text().replace(MISTRAL, "@cf/own/base"))
    account.service.renew(Catalog.read([own]), {})
    status, code, text = code_and_text(run(account, "mine", "@cf/own/base"))
    assert (status, code) == (404, 3037)
    assert "Finetune mine not found" in text


def test_a_damaged_database_is_an_answer(account: Account) -> None:
    file = account.state / "v1" / "finetunes.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database, but long enough to be one" * 200)
    for answer in (account.create(MISTRAL, "mine"), account.ask("GET", "/finetunes"), run(account, "mine")):
        status, code, text = code_and_text(answer)
        assert (status, code) == (500, 1000)
        assert "finetunes: what is kept in the state folder cannot be read or written" in text


def test_a_name_that_is_the_id_of_another_is_taken(account: Account) -> None:
    """Calls name either: whoever calls by the id would get another adapter."""
    made = filled(account)
    status, code, text = code_and_text(account.create(MISTRAL, made["id"]))
    assert (status, code) == (400, 5006)
    assert "already" in text


def form(file_name: str, content: bytes) -> bytes:
    head = 'content-disposition: form-data; name="file"; filename="blob"'
    name = f'\r\n--b\r\ncontent-disposition: form-data; name="file_name"\r\n\r\n{file_name}\r\n--b--\r\n'
    return f"--b\r\n{head}\r\n\r\n".encode() + content + name.encode()


class Broken:
    """A body whose client goes away in the middle of it."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def pull(self) -> bytes:
        if not self._pieces:
            raise BodyBroken("the client went away")
        return self._pieces.pop(0)

    async def cancel(self, reason: str | None) -> None:
        pass


async def sent(account: Account, body: Any) -> int:
    """The status of an upload to the finetune `mine`."""
    headers = (("content-type", "multipart/form-data; boundary=b"),)
    request = FetchRequest("POST", f"{AI}/finetunes/mine/finetune-assets", headers, body)
    return (await rest.answer(account.service, request, 1_000_000)).status


def test_an_upload_that_breaks_off_leaves_nothing_and_can_be_done_again(account: Account) -> None:
    account.create(MISTRAL, "mine")
    whole = form(WEIGHTS, weights())
    for at in (1, 60, len(whole) // 2, len(whole) - 3):
        with pytest.raises(BodyBroken):
            asyncio.run(sent(account, Broken(whole[:at])))
        assert account.files() == [".gitignore"]
    assert account.upload("mine", WEIGHTS, weights())[0] == 200


def test_what_a_killed_process_left_of_an_upload_goes_with_a_later_one(account: Account) -> None:
    made = account.create(MISTRAL, "mine")[1]["result"]
    finetune = account.service.finetunes.open("mine")
    left, running = (account.service.finetunes.store.scratch(finetune) for _ in range(2))
    for path in (left, running):
        path.write_bytes(b"half of it")
    os.utime(left, (0, 0))
    assert account.upload("mine", CONFIG, config())[0] == 200
    assert sorted(path.name for path in left.parent.iterdir()) == [running.name, CONFIG]
    assert left.parent.name == made["id"]


def test_of_uploads_at_the_same_time_one_is_kept(account: Account) -> None:
    account.create(MISTRAL, "mine")

    async def main() -> list[int]:
        return await asyncio.gather(*(sent(account, form(CONFIG, config(lora_alpha=n + 1))) for n in range(8)))

    statuses = asyncio.run(main())
    assert sorted(statuses) == [200] + [400] * 7
    (kept,) = account.state.rglob(CONFIG)
    assert json.loads(kept.read_bytes())["lora_alpha"] == statuses.index(200) + 1
    assert account.files() == [".gitignore", CONFIG]


def test_of_two_files_that_do_not_fit_the_later_one_is_refused(account: Account) -> None:
    account.create(MISTRAL, "mine")

    async def main() -> list[int]:
        bodies = (form(CONFIG, config(r=4)), form(WEIGHTS, weights()))
        return await asyncio.gather(*(sent(account, body) for body in bodies))

    assert sorted(asyncio.run(main())) == [200, 400]
    assert len(account.files()) == 2


def test_a_full_disk_is_an_answer_and_leaves_nothing(account: Account) -> None:
    account.create(MISTRAL, "mine")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))  # more than the database has
        status, code, text = code_and_text(account.upload("mine", WEIGHTS, bytes(600_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (status, code) == (500, 1000)
    assert "File too large" in text
    assert account.files() == [".gitignore"]
    assert account.upload("mine", WEIGHTS, weights())[0] == 200
