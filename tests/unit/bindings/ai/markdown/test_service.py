"""Markdown conversion as the doors see it, with real children: a document's failure stays that document's."""

import asyncio
import os
from pathlib import Path

import pytest

from paddock.bindings.ai.markdown.documents import ConversionOptions, Document, Limits, OutputOptions
from paddock.bindings.ai.markdown.service import MarkdownService, estimated_tokens
from paddock.bindings.errors import ConverterMissing, InputError

MIB = 1024**2
FINE = Document("fine.html", "text/html", b"<p>fine</p>")


def transform(*documents: Document, options: ConversionOptions | None = None, **limits):
    service = MarkdownService(Limits(**limits))
    return asyncio.run(service.transform(documents, options or ConversionOptions()))


def test_a_result_has_productions_fields() -> None:
    """WA-106"""
    (result,) = transform(FINE)
    assert list(result) == ["id", "name", "mimeType", "format", "tokens", "data"]
    assert result | {"id": ""} == {
        "id": "",
        "name": "fine.html",
        "mimeType": "text/html",
        "format": "markdown",
        "tokens": 1,
        "data": "fine",
    }


def test_a_failure_is_a_result_and_results_keep_the_order() -> None:
    """WA-130"""
    results = transform(FINE, Document("bad.pdf", "", b"x"), Document("cat.png", "", b""), FINE)
    assert [result["name"] for result in results] == ["fine.html", "bad.pdf", "cat.png", "fine.html"]
    assert [result["format"] for result in results] == ["markdown", "error", "error", "markdown"]
    assert list(results[1]) == ["id", "name", "mimeType", "format", "error"]
    assert len({result["id"] for result in results}) == 4


def test_text_is_a_format_of_its_own() -> None:
    (result,) = transform(FINE, options=ConversionOptions(output=OutputOptions("text")))
    assert (result["format"], result["data"]) == ("text", "fine")


def test_nothing_is_converted_to_nothing() -> None:
    assert transform() == []


def test_a_name_is_a_label_and_no_path(tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("<p>secret")
    (result,) = transform(Document(str(secret), "", b"<p>given"))
    assert (result["name"], result["data"]) == (str(secret), "given")


def test_what_needs_too_much_memory_fails_alone(make) -> None:
    """The archive is honest about its size, and its size is allowed; reading it is not."""
    bomb = Document("bomb.odt", "", make.odt(f"<text:p>{'a' * 200 * MIB}</text:p>"))
    first, second = transform(bomb, FINE, memory_bytes=128 * MIB)
    assert first["error"] == "The document needs more than 128 MiB of memory"
    assert second["data"] == "fine"


def test_what_brings_the_child_down_fails_alone(make) -> None:
    """A sheet of 17 billion cells, of which two are filled: foreign code gives up with a signal."""
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    first, second = transform(Document("wide.xlsx", "", make.xlsx({"S": rows})), FINE)
    assert first["format"] == "error"
    assert "SIGABRT" in first["error"]
    assert first["mimeType"].endswith("spreadsheetml.sheet")
    assert second["data"] == "fine"


def test_what_takes_too_long_is_ended() -> None:
    slow = Document("slow.html", "", b"<p>x</p>" * 1_000_000)
    (result,) = transform(slow, time_s=0.5)
    assert result["error"] == "The conversion took longer than 0.5 s"


def test_what_comes_out_too_long_is_an_error() -> None:
    first, second = transform(Document("a.csv", "", b"a,b\n" * 100), FINE, output_bytes=100)
    assert "more than 100 bytes" in first["error"]
    assert second["data"] == "fine"


def test_a_call_that_is_cancelled_leaves_no_child() -> None:
    """The limit of the call ends it, and whatever it has started by then."""

    async def run() -> None:
        slow = Document("slow.html", "", b"<p>x</p>" * 1_000_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await MarkdownService().transform([slow], ConversionOptions())
        assert not any(b"markdown.converter" in command for command in commands())

    asyncio.run(run())


def commands() -> list[bytes]:
    """What the children of this process run. Empty for one that has ended and is to be reaped."""
    pids = [pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()]
    return [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]


def test_the_event_loop_goes_on_meanwhile() -> None:
    async def run() -> int:
        turns = 0
        slow = Document("slow.html", "", b"<p>x</p>" * 20_000)
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(MarkdownService().transform([slow], ConversionOptions()))
            while not call.done():
                turns += 1
                await asyncio.sleep(0)
        return turns

    assert asyncio.run(run()) > 100


def test_many_calls_at_once_are_all_answered() -> None:
    async def run() -> list[list[dict[str, object]]]:
        service = MarkdownService()
        return await asyncio.gather(*(service.transform([FINE], ConversionOptions()) for _ in range(8)))

    assert [results[0]["data"] for results in asyncio.run(run())] == ["fine"] * 8


def test_too_many_documents_are_refused_before_any_is_converted() -> None:
    with pytest.raises(InputError, match="at most 2 documents in a call; got 3"):
        transform(FINE, FINE, FINE, documents=2)


def test_without_the_packages_the_call_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children inherit a Python in which a package is not there."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['markdownify'] = None\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(ConverterMissing, match=r'markdownify not installed.* pip install "paddock\[markdown\]"'):
        transform(FINE)
    assert transform(Document("a.txt", "", b"x"))[0]["data"] == "x"


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("ééé", 2), ("x" * 2899, 725)]
)
def test_tokens_are_estimated_by_bytes(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens
