"""Flags of the command line in place of the file's keys."""

from pathlib import Path

import pytest

from paddock.worker.config.loading import Config, Overrides, load_config
from paddock.worker.errors import ConfigError

FILE = """
name = "shop"
main = "handler.py"
compatibility_date = "2026-01-01"
compatibility_flags = ["python_workers"]
routes = ["*.example.org/*", { pattern = "shop.example.com/x", custom_domain = true }]

[paddock.engine]
max_loaded = 7

[paddock.models."@cf/microsoft/phi-2"]
dtype = "float16"

[env.staging]
"""


def load(folder: Path, env: str | None = None, **flags: object) -> Config:
    (folder / "wrangler-like.toml").write_text(FILE)
    (folder / "handler.py").touch()
    (folder / "models").mkdir(exist_ok=True)
    return load_config(folder / "wrangler-like.toml", env, Overrides(**flags))  # type: ignore[arg-type]


def test_flags_replace_keys_and_leave_the_others(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        name="other",
        compatibility_date="2026-02-02",
        engine="off",
        keep_alive="1h",
        strict=False,
        catalog=tmp_path / "models",
        preload=("@cf/microsoft/phi-2",),
    )
    assert (config.name, str(config.compatibility_date)) == ("other", "2026-02-02")
    engine, model = config.paddock.engine, config.paddock.models["@cf/microsoft/phi-2"]
    assert (engine.kind, engine.keep_alive, engine.max_loaded) == ("off", "1h", 7)
    assert (model.pinned, model.dtype, config.paddock.strict) == (True, "float16", False)
    assert config.paddock.catalog == str(tmp_path / "models")


def test_the_script_is_relative_to_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "entry.py").touch()
    monkeypatch.chdir(tmp_path / "src")
    assert load(tmp_path, main=Path("entry.py")).main == tmp_path / "src" / "entry.py"


def test_a_name_of_the_command_line_stands_as_it_is_in_an_environment(tmp_path: Path) -> None:
    assert load(tmp_path, "staging").name == "shop-staging"
    assert load(tmp_path, "staging", name="shop").name == "shop"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"compatibility_date": "soon"}, '"--compatibility-date"'),
        ({"name": "Shop!"}, '"--name"'),
        ({"keep_alive": "soon"}, "paddock.engine.keep_alive"),
        ({"catalog": Path("/nowhere")}, "/nowhere"),
    ],
)
def test_a_wrong_flag_is_named(tmp_path: Path, flags: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, **flags)
    assert said in str(raised.value)


def test_an_unknown_compatibility_flag_is_a_warning(tmp_path: Path) -> None:
    config = load(tmp_path, compatibility_flags=("python_workers", "nonsense"))
    assert any('"nonsense" is unknown' in warning for warning in config.warnings)


def test_the_worker_sees_the_host_of_the_first_route_unless_told_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path).upstream_host == "example.org"
    assert load(tmp_path, routes=("https://a.example/*",)).upstream_host == "a.example"
    assert load(tmp_path, host="b.example").upstream_host == "b.example"


@pytest.mark.parametrize("routes", ["5", "[5]", '[{ zone_name = "x" }]'])
def test_routes_have_one_of_two_forms(tmp_path: Path, routes: str) -> None:
    file = tmp_path / "wrangler-like.toml"
    file.write_text(f'main = "handler.py"\nroutes = {routes}\n')
    with pytest.raises(ConfigError, match="either a string or an object with the shape"):
        load_config(file)
