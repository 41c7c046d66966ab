"""`paddock dev`: its flags, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddock.worker.cli import dev, main
from paddock.worker.cli.arguments import Parser, UsageError
from paddock.worker.config.loading import Overrides
from paddock.worker.options import DevOptions, ExitCode


def parse(*words: str) -> DevOptions:
    parser = Parser("paddock dev", "")
    dev.add_arguments(parser)
    return dev.dev_options(parser.parse(words))


def test_no_flags_leave_everything_to_the_file() -> None:
    assert parse() == DevOptions()


def test_flags_become_options() -> None:
    address = ("-p", "9000", "--ip", "0.0.0.0")
    project = ("-c", "x.toml", "-e", "staging", "--var", "A:1", "--var", "B:x:y")
    words = (*address, *project, "--ready-file", "r", "--no-reload")
    storage = ("--persist-to", "state", "--assets", "public")
    assert parse(*words, *storage, "--log-level", "debug") == DevOptions(
        config=Path("x.toml"),
        env="staging",
        overrides=Overrides(
            ip="0.0.0.0", port=9000, vars={"A": "1", "B": "x:y"}, persist_to=Path("state"), assets=Path("public")
        ),
        log_level="debug",
        ready_file=Path("r"),
        reload=False,
    )


def test_environment_comes_from_the_shell_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ENV", "staging")
    assert parse().env == "staging"
    assert parse("-e", "production").env == "production"


@pytest.mark.parametrize(("words", "is_fixed"), [((), False), (("-p", "0"), False), (("-p", "8787"), True)])
def test_only_a_named_port_is_fixed(words: tuple[str, ...], is_fixed: bool) -> None:
    """DT-006, DT-007."""
    assert parse(*words).has_fixed_port == is_fixed


@pytest.mark.parametrize("flag", ["--local", "-l", "--no-bundle", "--bundle"])
def test_flags_that_ask_for_what_happens_anyway_are_accepted(flag: str) -> None:
    """DT-010."""
    assert parse(flag) == DevOptions()


@pytest.mark.parametrize(
    "flag", ["--remote", "-r", "--minify", "--define", "--jsx-factory", "--tsconfig", "--tunnel", "--node-compat"]
)
def test_flags_that_cannot_work_are_refused_in_one_sentence(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """DT-009, DT-010."""
    assert main(["dev", flag, "value"]) == ExitCode.USAGE
    message = capsys.readouterr().err
    assert message.startswith(f"✘ [ERROR] {flag} is not supported: ")
    assert message.count(".\n") == 1


@pytest.mark.parametrize("port", ["x", "-1", "65536", "8787.5", "٣"])
def test_port_has_to_be_one(port: str) -> None:
    with pytest.raises(UsageError, match="expected a number from 0 to 65535"):
        parse(f"--port={port}")


@pytest.mark.parametrize("text", ["A", ":x"])
def test_variable_has_a_name_and_a_value(text: str) -> None:
    with pytest.raises(UsageError, match="expected NAME:VALUE"):
        parse("--var", text)


def test_wrong_level_in_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_LOG", "loud")
    with pytest.raises(UsageError, match="PADDOCK_LOG"):
        parse()


def test_flags_of_the_worker_and_its_address_go_before_the_file() -> None:
    worker = ("src/entry.py", "--name", "shop", "--compatibility-date", "2026-01-01", "--compatibility-flag", "a", "b")
    address = ("--routes", "x.example/*", "--route", "y.example", "--upstream-protocol", "https")
    engine = ("--engine", "off", "--catalog", "models", "--keep-alive", "1h", "--no-strict")
    assert parse(*worker, *address, *engine).overrides == Overrides(
        main=Path("src/entry.py"),
        name="shop",
        compatibility_date="2026-01-01",
        compatibility_flags=("a", "b"),
        routes=("x.example/*", "y.example"),
        upstream_protocol="https",
        catalog=Path("models"),
        engine="off",
        keep_alive="1h",
        strict=False,
    )
    assert parse("--local-upstream", "x").overrides.host == "x"
    assert parse("--strict=true").overrides.strict and not parse("--strict=false").overrides.strict


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (("--live-reload", "--no-reload"), "--live-reload and --no-reload"),
        (("--json-logs", "--show-interactive-dev-session"), "--json-logs and --show-interactive-dev-session"),
        (("--host", "a", "--local-upstream", "b"), "--host and --local-upstream"),
        (("--engine", "off", "--preload", "m"), "--preload and --engine off"),
        (("--https-key-path", "k"), "--https-key-path and --https-cert-path"),
    ],
)
def test_flags_that_contradict_each_other_are_named_in_one_sentence(words: tuple[str, ...], flags: str) -> None:
    with pytest.raises(UsageError, match=flags) as raised:
        parse(*words)
    assert str(raised.value).count(".") == 1


@pytest.mark.parametrize(("place", "named"), [("", "Is a directory"), ("nowhere/file", "No such file or directory")])
def test_a_ready_file_that_cannot_be_written_is_refused_before_the_start(
    place: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dev", "--ready-file", str(tmp_path / place)]) == ExitCode.USAGE
    assert named in capsys.readouterr().err


def test_a_ready_file_of_an_earlier_session_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ready").write_text("{}")
    assert main(["dev", "--ready-file", "ready"]) == ExitCode.CONFIG, "there is no project"
    assert not (tmp_path / "ready").exists()
