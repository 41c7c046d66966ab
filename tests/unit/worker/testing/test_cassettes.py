"""Cassettes as files: what they find, record, hide and say."""

import base64
from pathlib import Path

import pytest

from paddock.worker.testing.cassettes import Cassette, Event, Recording, RecordMode

PHI = "@cf/microsoft/phi-2"


def cassette(path: Path, mode: RecordMode = "none", secrets: dict[str, str] | None = None) -> Cassette:
    return Cassette(path, mode, secrets or {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one call."""
    made = cassette(tmp_path / "cassettes" / "a.yaml", "once")
    made.add(Recording(PHI, {"prompt": "Hi", "max_tokens": 5}, output={"response": "Hello"}))
    made.save()
    return made.path


@pytest.mark.parametrize(
    ("mode", "records", "finds"),
    [("none", False, True), ("once", False, True), ("new", True, True), ("all", True, False)],
)
def test_modes_with_a_file(path: Path, mode: RecordMode, records: bool, finds: bool) -> None:
    """DT-080"""
    made = cassette(path, mode)
    found = made.find(PHI, {"max_tokens": 5, "prompt": "Hi"})
    assert (made.records, found is not None) == (records, finds)


@pytest.mark.parametrize(("mode", "records"), [("none", False), ("once", True), ("new", True), ("all", True)])
def test_modes_without_a_file(tmp_path: Path, mode: RecordMode, records: bool) -> None:
    """DT-080"""
    assert cassette(tmp_path / "none.yaml", mode).records is records


def test_a_recording_is_used_once(path: Path) -> None:
    made = cassette(path)
    asked = {"prompt": "Hi", "max_tokens": 5}
    assert made.find(PHI, asked) is not None
    assert made.find(PHI, asked) is None
    assert "each of its 1 is replayed once" in made.missing(PHI, asked)


def test_what_differs_from_the_nearest_recording_is_shown(path: Path) -> None:
    """DT-081"""
    made = cassette(path)
    made._left.append(Recording("@cf/other", {"text": "something else"}))
    lines = made.missing(PHI, {"prompt": "Hello", "max_tokens": 5}).splitlines()
    assert lines[0].startswith(f"{path} has no recording of this call of {PHI}. Record with --paddock-record=new")
    assert ["-  prompt: Hi" in lines, "+  prompt: Hello" in lines] == [True, True]


def test_the_file_reads_well_and_is_left_alone_without_news(path: Path) -> None:
    text = path.read_text()
    assert "output:\n    response: Hello\n" in text
    path.write_text(text + "# mine\n")
    made = cassette(path, "new")
    made.find(PHI, {"prompt": "Hi", "max_tokens": 5})
    made.save()
    assert path.read_text().endswith("# mine\n")


def test_secrets_are_named_and_not_shown(tmp_path: Path) -> None:
    """DT-083"""
    secrets = {"TOKEN": "hunter2"}
    made = cassette(tmp_path / "a.yaml", "once", secrets)
    inputs = {"prompt": "Say hunter2", "messages": [{"content": "hunter2"}]}
    made.add(Recording(PHI, inputs, events=[Event(1.0, 'data: {"response":"hunter2"}')]))
    made.save()
    text = made.path.read_text()
    assert ("hunter2" in text, text.count("<secret TOKEN>")) == (False, 3)
    assert cassette(made.path, "none", secrets).find(PHI, inputs) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("calls: []", "version"),
        ("version: 7\ncalls: []", "expected version 1; got 7"),
        ("{", "expected a cassette"),
    ],
)
def test_what_is_no_cassette_says_so(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        cassette(path)


BGE = "@cf/baai/bge-small-en-v1.5"


def test_vectors_have_a_line_each_and_seven_digits(tmp_path: Path) -> None:
    """DT-080"""
    made = cassette(tmp_path / "a.yaml", "once")
    vectors = [[(row + 1) / (3 * at + 7) for at in range(384)] for row in range(2)]
    asked = {"text": ["one", "two"]}
    made.add(Recording(BGE, asked, output={"shape": [2, 384], "data": vectors}))
    made.save()
    lines = made.path.read_text().splitlines()
    assert "    shape: [2, 384]" in lines
    assert sum(line.strip().startswith("- [0.") and line.endswith("]") for line in lines) == 2
    assert len(lines) < 20
    found = cassette(made.path).find(BGE, asked)
    assert found is not None
    for row, vector in zip(found.output["data"], vectors, strict=True):
        assert row == pytest.approx(vector, rel=1e-6)


@pytest.mark.parametrize("form", [b"sound" * 99, [*b"sound" * 99], base64.b64encode(b"sound" * 99).decode()])
def test_files_are_known_by_their_hash_in_every_form(tmp_path: Path, form: object) -> None:
    """DT-080, DT-081"""
    made = cassette(tmp_path / "a.yaml", "once")
    made.add(Recording("@cf/openai/whisper", {"audio": b"sound" * 99}, output={"text": "Hi"}))
    made.save()
    assert "audio: <file of 495 bytes, sha256 " in made.path.read_text()
    again = cassette(made.path)
    assert again.find("@cf/openai/whisper", {"audio": form}) is not None
    again = cassette(made.path)
    assert again.find("@cf/openai/whisper", {"audio": [1, 2]}) is None
    assert "+  audio: <file of 2 bytes, sha256 " in again.missing("@cf/openai/whisper", {"audio": [1, 2]})


def test_pictures_in_messages_are_known_by_their_hash(tmp_path: Path) -> None:
    url = "data:image/png;base64," + base64.b64encode(b"picture" * 99).decode()
    asked = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}
    other = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url[:-8]}}]}]}
    made = cassette(tmp_path / "a.yaml", "once")
    made.add(Recording(PHI, asked, output={"response": "A cat"}))
    made.save()
    assert "url: <file of 693 bytes, sha256 " in made.path.read_text()
    assert cassette(made.path).find(PHI, other) is None
    assert cassette(made.path).find(PHI, asked) is not None


def test_each_dialect_has_its_own_answers(tmp_path: Path) -> None:
    made = cassette(tmp_path / "a.yaml", "once")
    made.add(Recording(PHI, {"prompt": "Hi"}, output={"choices": []}, dialect="openai"))
    made.save()
    assert "dialect: openai" in made.path.read_text()
    assert cassette(made.path).find(PHI, {"prompt": "Hi"}) is None
    assert cassette(made.path).find(PHI, {"prompt": "Hi"}, "openai") is not None
