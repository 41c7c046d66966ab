"""Cassettes as files: what they find, record, hide and say."""

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
