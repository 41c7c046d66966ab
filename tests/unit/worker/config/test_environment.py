"""Variables of the environment in place of the file's keys."""

import re
from pathlib import Path

import pytest

from paddock.worker.config.environment import VARIABLES
from paddock.worker.config.loading import Config, Overrides, load_config
from paddock.worker.errors import ConfigError

FILE = """
name = "shop"
main = "handler.py"
compatibility_date = "2026-01-01"
compatibility_flags = ["python_workers"]

[dev]
ip = "127.0.0.1"
port = 8000

[paddock]
strict = true
startup_cpu_ms = 1000

[paddock.engine]
keep_alive = "1m"
max_loaded = 7

[env.staging]
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`load(PADDOCK_PORT="9000")`: the configuration in an environment of these variables."""

    def loaded(env: str | None = None, overrides: Overrides | None = None, text: str = FILE, **given: str) -> Config:
        (tmp_path / "wrangler-like.toml").write_text(text)
        (tmp_path / "handler.py").touch()
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return load_config(tmp_path / "wrangler-like.toml", env, overrides)

    return loaded


def test_variables_go_before_the_file_and_leave_its_other_keys(load) -> None:
    config = load(
        PADDOCK_PORT="9000",
        PADDOCK_STRICT="false",
        PADDOCK_MEMORY_MB="128",
        PADDOCK_STARTUP_CPU_MS="null",
        PADDOCK_ENGINE_KIND="off",
        PADDOCK_ENGINE_KEEP_ALIVE="2h",
        PADDOCK_ENGINE_STALL_TIMEOUT_S="1.5",
        PADDOCK_API_TOKEN="word",
    )
    assert (config.dev.ip, config.dev.port) == ("127.0.0.1", 9000)
    assert (config.paddock.strict, config.paddock.memory_mb, config.paddock.startup_cpu_ms) == (False, 128, None)
    engine = config.paddock.engine
    assert (engine.kind, engine.keep_alive, engine.max_loaded, engine.stall_timeout_s) == ("off", "2h", 7, 1.5)
    assert (config.paddock.api_token, config.secrets) == ("word", ("word",))
    assert config.warnings == ()


def test_flags_go_before_variables(load) -> None:
    flags = Overrides(port=1, strict=True, keep_alive="3m")
    config = load(
        overrides=flags, PADDOCK_PORT="9000", PADDOCK_STRICT="false", PADDOCK_ENGINE_KEEP_ALIVE="2h", PADDOCK_IP="::1"
    )
    assert (config.dev.port, config.dev.ip) == (1, "::1")
    assert (config.paddock.strict, config.paddock.engine.keep_alive) == (True, "3m")


def test_an_empty_variable_says_nothing(load) -> None:
    assert load(PADDOCK_PORT="", PADDOCK_STRICT="").dev.port == 8000


def test_a_folder_is_relative_to_the_current_one(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere" / "models").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load(PADDOCK_CATALOG="models").paddock.catalog == str(tmp_path / "elsewhere" / "models")


def test_variables_hold_for_environments_and_for_files_without_such_tables(load) -> None:
    assert load("staging", PADDOCK_MEMORY_MB="100").paddock.memory_mb == 100
    assert load(text=FILE.partition("[dev]")[0]).paddock.memory_mb == 100


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PADDOCK_STRICT", "yes", 'Expected "PADDOCK_STRICT" to be of type boolean but got "yes".'),
        ("PADDOCK_PORT", "70000", 'Expected "PADDOCK_PORT" to be of type number (at least 0, at most 65535) but got'),
        (
            "PADDOCK_MEMORY_MB",
            "null",
            'Expected "PADDOCK_MEMORY_MB" to be of type number (at least 64) but got "null".',
        ),
        (
            "PADDOCK_ENGINE_KIND",
            "fake",
            'Expected "PADDOCK_ENGINE_KIND" field to be one of ["off","remote","vllm"] but',
        ),
        ("PADDOCK_ENGINE_KEEP_ALIVE", "soon", 'Expected "PADDOCK_ENGINE_KEEP_ALIVE" to be of type number or duration'),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_variable(load, name: str, value: str, text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(text)):
        load(**{name: value})


def test_a_table_that_is_none_is_its_readers_matter(load) -> None:
    with pytest.raises(ConfigError, match=r'The field "paddock\.engine" should be an object but got 3'):
        load(text=FILE.partition("[dev]")[0] + "[paddock]\nengine = 3\n", PADDOCK_ENGINE_KIND="off")


def test_a_name_that_is_nearly_that_of_a_key_is_a_warning(load) -> None:
    config = load(PADDOCK_STAND_IN="false", PADDOCK_FIXTURES="mine", PADDOCK_ENGINE="cpu", PADDOCK_URL="http://x")
    (warning,) = config.warnings
    assert (
        warning == "PADDOCK_STAND_IN in the environment is no setting of Paddock's (did you mean PADDOCK_STAND_INS?)."
    )


def test_every_key_with_one_value_has_a_variable() -> None:
    """All but the tables, and the servers, which PADDOCK_REMOTE_URL names."""
    paths = {".".join(variable.path) for variable in VARIABLES.values()}
    assert {"dev.port", "paddock.stand_ins", "paddock.engine.deterministic"} < paths
    assert not paths & {"paddock.engine", "paddock.models", "paddock.engine.urls", "paddock.engine.remote_key"}


def test_the_address_of_a_service_in_kubernetes_is_no_port(load) -> None:
    """It sets these for every service of a namespace, here one that is called paddock."""
    config = load(PADDOCK_PORT="tcp://10.0.0.7:8787", PADDOCK_SERVICE_PORT="8787", PADDOCK_PORT_8787_TCP_PORT="8787")
    assert config.dev.port == 8000
    (warning,) = config.warnings
    assert "PADDOCK_PORT is the address of a service (tcp://10.0.0.7:8787) and no port; it is left out." in warning
