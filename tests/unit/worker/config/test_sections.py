"""wrangler-like.toml: bindings, environments, secrets, and the strict [paddock] table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.worker.assembly import isolate_limits
from paddock.worker.config.loading import EngineSettings, LimitsSettings
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project


# --- bindings ---


@pytest.mark.parametrize("remote", ["", "remote = true", "remote = false"])
def test_ai_binding_is_local_whatever_remote_says(project: Project, remote: str) -> None:
    """DT-065."""
    config = project.load(f'[ai]\nbinding = "AI"\n{remote}\n')
    assert (config.ai, config.warnings) == ("AI", ())


@pytest.mark.parametrize("table", ["[ai]", "[ai]\nbinding = 1", '[ai]\nbinding = ""'])
def test_ai_binding_needs_a_name(project: Project, table: str) -> None:
    """DT-062."""
    assert project.problems(table) == ['"ai" binding should have a string "binding" field.']


def test_vars_may_be_any_json(project: Project) -> None:
    config = project.load('[vars]\nS = "x"\nN = 1\nL = [1, {a = true}]\nD = 2026-01-02\n')
    assert config.vars == {"S": "x", "N": 1, "L": [1, {"a": True}], "D": "2026-01-02"}


def test_two_bindings_of_one_name_are_an_error(project: Project) -> None:
    """DT-063."""
    (problem,) = project.problems('[ai]\nbinding = "AI"\n[vars]\nAI = "x"\n')
    assert problem.startswith("AI assigned to Environment Variable and AI bindings.\n")


# --- environments ---


def test_environment_inherits_what_wrangler_says_and_no_more(project: Project) -> None:
    """PW-129."""
    config = project.load('[vars]\nA = "top"\n[ai]\nbinding = "AI"\n[env.staging.vars]\nA = "staging"\n', env="staging")
    assert config.main.name == "handler.py"
    assert config.vars == {"A": "staging"}
    assert config.ai is None
    assert project.load('[vars]\nA = "top"\n[env.staging]\n', env="staging").vars == {}
    assert config.compatibility_date.isoformat() == "2026-09-15"


def test_binding_at_the_top_only_warns_in_three_sentences(project: Project) -> None:
    """DT-060, PW-129."""
    (warning,) = project.load("[vars]\nA = 1\n[env.staging]\n", env="staging").warnings
    assert warning.split("\n") == [
        '"vars" exists at the top level, but not on "env.staging".',
        'This is not what you probably want, since "vars" is not inherited by environments.',
        'Please add "vars" to "env.staging".',
    ]


def test_environment_adds_to_the_name_unless_it_has_its_own(project: Project) -> None:
    assert project.load("[env.staging]\n", env="staging").name == "demo-staging"
    assert project.load('[env.staging]\nname = "own"\n', env="staging").name == "own"


def test_unknown_environment_lists_the_known_ones(project: Project) -> None:
    """DT-061, PW-130."""
    (problem,) = project.problems("[env.a]\n[env.b]\n", env="c")
    assert 'with name "c"' in problem
    assert problem.endswith('The available configured environment names are: ["a","b"]')


def test_unknown_environment_without_any_only_warns(project: Project) -> None:
    """DT-061."""
    config = project.load(env="staging")
    assert config.env == "staging"
    assert config.warnings[0].endswith("[env.staging]")


def test_errors_of_an_environment_name_it(project: Project) -> None:
    assert project.problems("[env.staging]\nai = 1\n", env="staging") == [
        'The field "env.staging.ai" should be an object but got 1.'
    ]


# --- secrets and the command line ---


def test_secrets_override_vars_and_the_command_line_overrides_both(project: Project, tmp_path: Path) -> None:
    """DT-011, PW-128."""
    (tmp_path / ".dev.vars").write_text('A="secret-a"\nB=secret-b\n')
    config = project.load('[vars]\nA = "plain"\nC = "plain"\n', vars={"B": "given"})
    assert config.vars == {"A": "secret-a", "B": "given", "C": "plain"}
    assert config.secrets_files == (tmp_path / ".dev.vars",)


def test_secret_values_are_listed_for_the_log(project: Project, tmp_path: Path) -> None:
    """DT-004."""
    (tmp_path / ".dev.vars").write_text("A=secret-a\n")
    config = project.load('[vars]\nB = "plain"\n')
    assert config.secret_names == {"A"}
    assert config.secrets == ("secret-a",)


ENV_FILES = {".env": "A=1\nB=1\nC=1\nD=1\n", ".env.local": "B=2\nC=2\nD=2\n", ".env.staging": "C=3\nD=3\n"}


def test_env_files_are_read_in_order_without_dev_vars(project: Project, tmp_path: Path) -> None:
    """DT-013."""
    for name, text in {**ENV_FILES, ".env.staging.local": "D=4\n"}.items():
        (tmp_path / name).write_text(text)
    assert project.load("[env.staging]\n", env="staging").vars == {"A": "1", "B": "2", "C": "3", "D": "4"}
    assert project.load().vars == {"A": "1", "B": "2", "C": "2", "D": "2"}
    (tmp_path / ".dev.vars").write_text("Z=only\n")
    assert project.load().vars == {"Z": "only"}


def test_env_files_stay_out_when_the_environment_says_so(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DT-014."""
    (tmp_path / ".env").write_text("A=1\n")
    monkeypatch.setenv("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "false")
    assert project.load().vars == {}


def test_names_expand_in_env_files_alone(project: Project, tmp_path: Path) -> None:
    """DT-015: also a name of an earlier file."""
    (tmp_path / ".env").write_text("HOST=example.com\n")
    (tmp_path / ".env.local").write_text("URL=https://${HOST}/x\n")
    assert project.load().vars["URL"] == "https://example.com/x"
    (tmp_path / ".dev.vars").write_text("HOST=a\nURL=${HOST}\n")
    assert project.load().vars["URL"] == "${HOST}"


def test_named_files_replace_those_that_are_found(project: Project, tmp_path: Path) -> None:
    """DT-016."""
    (tmp_path / ".dev.vars").write_text("A=found\nB=found\n")
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("A=one\nC=one\n")
    two.write_text("A=two\n")
    assert project.load(env_files=(one, two)).vars == {"A": "two", "C": "one"}


def test_named_file_that_is_missing_is_an_error(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Could not read the secrets in .*nowhere"):
        project.load(env_files=(tmp_path / "nowhere",))


def test_secrets_of_an_environment_stand_alone(project: Project, tmp_path: Path) -> None:
    """DT-012, PW-128."""
    (tmp_path / ".dev.vars").write_text("A=default\nB=default\n")
    (tmp_path / ".dev.vars.staging").write_text("A=staging\n")
    assert project.load("[env.staging]\n", env="staging").vars == {"A": "staging"}


def test_environment_without_secrets_of_its_own_takes_the_default_ones(project: Project, tmp_path: Path) -> None:
    (tmp_path / ".dev.vars").write_text("A=default\n")
    assert project.load("[env.staging]\n", env="staging").vars == {"A": "default"}


def test_required_secrets_are_the_only_ones_and_may_stand_in_the_environment(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DT-017."""
    (tmp_path / ".dev.vars").write_text("A=file\nOTHER=file\n")
    monkeypatch.setenv("A", "process")
    monkeypatch.setenv("B", "process")
    config = project.load('[secrets]\nrequired = ["A", "B", "C", "D"]\n')
    assert config.vars == {"A": "file", "B": "process"}
    assert config.secret_names == {"A", "B"}
    (warning,) = config.warnings
    assert warning == ("Missing required secrets: C, D. Add them to .dev.vars, .env, or set as environment variables.")


def test_the_whole_environment_is_not_taken_but_what_is_named_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_INCLUDE_PROCESS_ENV", "true")
    monkeypatch.setenv("A", "process")
    config = project.load()
    assert config.vars == {}
    assert config.warnings == (
        "CLOUDFLARE_INCLUDE_PROCESS_ENV has no effect: name what you need in [secrets] required.",
    )
    config = project.load('[secrets]\nrequired = ["A"]\n')
    assert (config.vars, config.warnings) == ({"A": "process"}, ())


def test_secrets_keep_dollar_signs(project: Project, tmp_path: Path) -> None:
    (tmp_path / ".dev.vars").write_text("A=${HOME}\n")
    assert project.load().vars == {"A": "${HOME}"}


def test_secret_cannot_replace_a_binding(project: Project, tmp_path: Path) -> None:
    """DT-018."""
    (tmp_path / ".dev.vars").write_text("AI=x\n")
    config = project.load('[ai]\nbinding = "AI"\n')
    assert (config.ai, config.vars, config.secret_names) == ("AI", {}, frozenset())
    assert config.warnings == ("AI in .dev.vars has no effect: the name belongs to the AI binding.",)


def test_unreadable_secrets_are_an_error_with_the_path(project: Project, tmp_path: Path) -> None:
    (tmp_path / ".dev.vars").mkdir()
    (problem,) = project.problems()
    assert str(tmp_path / ".dev.vars") in problem


def test_address_of_the_command_line_goes_before_the_file(project: Project) -> None:
    config = project.load('[dev]\nip = "0.0.0.0"\nport = 9000\n', port=0)
    assert (config.dev.ip, config.dev.port) == ("0.0.0.0", 0)


# --- [paddock] ---


def test_unknown_paddock_key_is_an_error(project: Project) -> None:
    """DT-059."""
    assert project.problems("[paddock]\nstand_in = false\n") == [
        'Unexpected fields found in paddock field: "stand_in" (did you mean "stand_ins"?)'
    ]


def test_paddock_tables_are_strict_all_the_way_down(project: Project) -> None:
    found = project.problems('[paddock.engine]\nx = 1\n[paddock.models."@cf/a/b"]\ny = 1\n')
    assert found == [
        'Unexpected fields found in paddock.engine field: "x"',
        'Unexpected fields found in paddock.models."@cf/a/b" field: "y"',
    ]


def test_engine_settings_are_read(project: Project) -> None:
    config = project.load(
        '[paddock.engine]\ndevice = "cpu"\ndtype = "float32"\nmax_model_len = 512\nload_timeout_s = 5\n'
    )
    assert config.paddock.engine == EngineSettings(device="cpu", dtype="float32", max_model_len=512, load_timeout_s=5.0)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"90"', '"5m"', '"1h30m"', '"-1s"'])
def test_durations_are_read_as_ollama_writes_them(project: Project, value: str) -> None:
    settings = project.load(f"[paddock.engine]\nkeep_alive = {value}\nsleep_after = {value}\n").paddock.engine
    assert settings.keep_alive == settings.sleep_after


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('kind = "fake"', 'Expected "paddock.engine.kind" field to be one of ["off","remote","vllm"] but got "fake".'),
        (
            "gpu_memory_utilization = 2",
            'Expected "paddock.engine.gpu_memory_utilization" to be of type number (above 0, at most 1) but got 2.',
        ),
        ('enforce_eager = "no"', 'Expected "paddock.engine.enforce_eager" to be of type boolean but got "no".'),
        (
            'keep_alive = "soon"',
            'Expected "paddock.engine.keep_alive" to be of type number or duration (5m, 1h30m) but got "soon".',
        ),
        ("max_num_seqs = 0", 'Expected "paddock.engine.max_num_seqs" to be of type number (at least 1) but got 0.'),
    ],
)
def test_engine_settings_have_limits(project: Project, line: str, problem: str) -> None:
    assert project.problems(f"[paddock.engine]\n{line}\n") == [problem]


def test_servers_of_all_models_and_of_one(project: Project) -> None:
    config = project.load(
        '[paddock.engine]\nkind = "remote"\nurl = "http://one:8000/v1/"\n'
        '[paddock.models."@cf/a/b"]\nengine = ["http://two", "https://three/llm/", "http://two/"]\nremote_model = "x"\n'
        '[paddock.models."@cf/c/d"]\nengine = "http://four"\n'
    )
    assert config.paddock.servers("@cf/any/thing") == ("http://one:8000",)
    assert config.paddock.servers("@cf/a/b") == ("http://two", "https://three/llm")
    assert config.paddock.servers("@cf/c/d") == ("http://four",)


def test_one_model_on_a_server_leaves_the_others_here(project: Project) -> None:
    config = project.load('[paddock.models."@cf/a/b"]\nengine = "http://two"\n')
    assert (config.paddock.engine.kind, config.paddock.servers("@cf/c/d")) == ("vllm", ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[paddock.engine]\nkind = "remote"\n', "but got neither"),
        ('[paddock.engine]\nkind = "remote"\nurl = "http://x"\ndeterministic = true\n', "VLLM_BATCH_INVARIANT=1"),
        ('[paddock.engine]\nurl = "http://x"\n', 'needs kind = "remote"'),
        ('[paddock.engine]\nkind = "remote"\nurl = "http://x"\nurls = ["http://y"]\n', "but got both"),
        ('[paddock.models."@cf/a/b"]\nengine = "http://x"\nweights = "owner/name"\n', "a server has its own weights"),
        ('[paddock.models."@cf/a/b"]\nremote_model = "x"\n', 'there is no "engine"'),
        ('[paddock.models."@cf/a/b"]\nengine = "localhost:8000"\n', "engine"),
        ('[paddock.models."@cf/a/b"]\nengine = "http://user:secret@x"\n', "engine"),
    ],
)
def test_servers_that_cannot_be_meant_are_errors(project: Project, text: str, problem: str) -> None:
    (found,) = project.problems(text)
    assert problem in found


def test_an_adapter_of_a_server_need_not_be_on_this_machine(project: Project, tmp_path: Path) -> None:
    text = '[paddock.models."@cf/a/b"]\nengine = "http://x"\nlora = {one = "/far/one", two = "two"}\n'
    lora = project.load(text).paddock.models["@cf/a/b"].lora
    assert lora == {"one": "/far/one", "two": str(tmp_path / "two")}


def test_weights_are_a_folder_of_the_project_or_a_repository(project: Project, tmp_path: Path) -> None:
    (tmp_path / "weights" / "phi").mkdir(parents=True)
    text = '[paddock.models."@cf/a/b"]\nweights = "weights/phi"\n[paddock.models."@cf/c/d"]\nweights = "owner/name"\n'
    models = project.load(text).paddock.models
    assert models["@cf/a/b"].weights == str(tmp_path / "weights" / "phi")
    assert models["@cf/c/d"].weights == "owner/name"


def test_adapters_become_absolute_folders(project: Project, tmp_path: Path) -> None:
    (tmp_path / "ranch").mkdir()
    models = project.load('[paddock.models."@cf/a/b"]\nlora = {ranch = "./ranch"}\n').paddock.models
    assert models["@cf/a/b"].lora == {"ranch": str(tmp_path / "ranch")}


@pytest.mark.parametrize(
    ("line", "key"),
    [('weights = "./gone"', "weights"), ('lora = {x = "gone"}', "lora.x"), ('weights = "x y"', "weights")],
)
def test_folders_that_are_missing_are_errors(project: Project, line: str, key: str) -> None:
    (problem,) = project.problems(f'[paddock.models."@cf/a/b"]\n{line}\n')
    assert problem.startswith(f'Expected "paddock.models."@cf/a/b".{key}" to be ')


def test_limits_are_productions_unless_set(project: Project) -> None:
    assert (project.load().limits.cpu_ms, project.load().limits.subrequests) == (30_000, 10_000)
    limits = isolate_limits(project.load("[limits]\ncpu_ms = 50\n[paddock]\nmemory_mb = 128\n"))
    assert (limits.cpu_ms, limits.subrequests, limits.memory_mb) == (50, 10_000, 128)


def test_an_environment_may_have_limits_of_its_own(project: Project) -> None:
    text = "[limits]\ncpu_ms = 50\n[env.one]\n[env.two.limits]\nsubrequests = 9\n"
    assert project.load(text, "one").limits.cpu_ms == 50
    assert project.load(text, "two").limits == LimitsSettings(subrequests=9)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("cpu_ms = 0", 'Expected "limits.cpu_ms" to be of type number (at least 1, at most 300000) but got 0.'),
        ("cpu_ms = 300001", '"limits.cpu_ms"'),
        ('subrequests = "many"', '"limits.subrequests"'),
    ],
)
def test_limits_have_limits(project: Project, line: str, problem: str) -> None:
    (found,) = project.problems(f"[limits]\n{line}\n")
    assert problem in found


def test_an_unknown_limit_is_a_warning(project: Project) -> None:
    (warning,) = project.load("[limits]\ncpu = 1\n").warnings
    assert warning == 'Unexpected fields found in limits field: "cpu" (did you mean "cpu_ms"?)'
