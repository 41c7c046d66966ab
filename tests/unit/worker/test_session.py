"""Several workers in one session: which configurations fit together, and what each is told. DT-047."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.worker.config.loading import Config, Overrides
from paddock.worker.errors import ConfigError
from paddock.worker.greeting import bindings_table
from paddock.worker.options import DevOptions
from paddock.worker.session import load_session

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""


def load(folder: Path, *texts: str, env: str | None = None, **overrides: object) -> tuple[Config, ...]:
    """The session of workers `a`, `b` and so on, each in a folder of its own."""
    paths = []
    for letter, text in zip("abc", texts, strict=False):
        path = folder / letter / "wrangler.toml"
        path.parent.mkdir(exist_ok=True)
        name = "" if "name =" in text else f'name = "{letter}"\n'
        path.write_text(name + BASE + text)
        (path.parent / "handler.py").touch()
        paths.append(path)
    given = Overrides(**overrides)  # type: ignore[arg-type] # the words of a test
    return load_session(DevOptions(config=paths[0], others=tuple(paths[1:]), env=env, overrides=given))


def problems(folder: Path, *texts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, *texts)
    return list(caught.value.problems)


def test_state_is_the_primary_workers(tmp_path: Path) -> None:
    first, second = load(tmp_path, "", "")
    assert first.state == second.state == tmp_path / "a" / ".paddock" / "state"


def test_flags_are_for_the_primary_worker_and_the_environment_for_all(tmp_path: Path) -> None:
    text = "vars = {A = '1'}\n[env.staging.vars]\nA = '2'"
    first, second = load(tmp_path, text, text, env="staging", port=9000, vars={"A": "3"})
    assert (first.vars["A"], first.dev.port) == ("3", 9000)
    assert (second.vars["A"], second.dev.port) == ("2", 8787)


def test_each_worker_has_the_secrets_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".dev.vars").write_text("KEY=hidden")
    first, second = load(tmp_path, "", "")
    assert (first.secrets, second.secrets) == ((), ("hidden",))


def test_two_workers_cannot_have_one_name(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, 'name = "same"', 'name = "same"')
    assert problem == (
        f'Expected every worker of a session to have a name of its own, but "same" is in '
        f"{tmp_path}/a/wrangler.toml and in {tmp_path}/b/wrangler.toml."
    )


def test_a_queue_has_one_consumer(tmp_path: Path) -> None:
    """Source: Miniflare."""
    consumer = '[[queues.consumers]]\nqueue = "jobs"'
    assert problems(tmp_path, consumer, consumer) == ['Multiple consumers defined for queue "jobs": "a" and "b"']


def test_what_the_session_shares_is_the_primary_workers(tmp_path: Path) -> None:
    shared = '[paddock.engine]\nkeep_alive = "1m"\n'
    _, second, third = load(tmp_path, shared, shared, '[paddock]\nstand_ins = false\n[paddock.engine]\nkind = "off"\n')
    assert second.warnings == ()
    assert third.warnings == (
        '"paddock.engine", "paddock.stand_ins" of the primary worker, a, counts in this session; that of c is ignored.',
    )


def test_each_worker_has_a_table_with_its_name(tmp_path: Path) -> None:
    """DT-047. Source: wrangler, print-bindings."""
    service = '[[services]]\nbinding = "{}"\nservice = "{}"\n'
    first, second = load(tmp_path, service.format("B", "b") + service.format("GONE", "gone"), "")
    title, _, *rows = bindings_table(first, ["a", "b"]).splitlines()
    assert title == "a has access to the following bindings:"
    assert [row.split(maxsplit=3)[-1] for row in rows] == ["local [connected]", "local [not connected]"]
    assert bindings_table(second, ["a", "b"]) == "b: No bindings found."
