"""Which line of a configuration file a message is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.worker.config.lines import line_of
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from .conftest import Project

TOML = '''name = "x"
[vars]
A = """
[x]
b = 1
"""
"q.r" = 1
[[services]]
binding = "a"
[[services]]
binding = "b"
props = {a = 1}
[services.more]
c = 1
[env.staging]
list = [
  1,
  2,
]
[[env.staging.kv_namespaces]]
binding = "C"
[paddock.models."@cf/a/b"]
weights = "x"
'''
JSON = """{
  // c "a": 1
  "name": "x", /* , */
  "kv_namespaces": [
    {"binding": "A"},
    {
      "binding": "B:{",
    },
  ],
  env: {"a": {"vars": {"X": [1,
     2]}}}
}"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("name", 1),
        ("vars", 2),
        ("vars.A", 3),
        ('vars."q.r"', 7),
        ("services", 8),
        ("services[0].binding", 9),
        ("services[1]", 10),
        ("services[1].props.a", 12),
        ("services[1].more.c", 14),
        ("services[1].not_there", 10),
        ("env.staging.list[1]", 16),
        ("env.staging.kv_namespaces[0].binding", 21),
        ('paddock.models."@cf/a/b".weights', 23),
        ("x", None),
    ],
)
def test_lines_of_toml(path: str, line: int | None) -> None:
    assert line_of(path, TOML, is_json=False) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("name", 3),
        ("kv_namespaces[0].binding", 5),
        ("kv_namespaces[1]", 6),
        ("kv_namespaces[1].binding", 7),
        ("env.a.vars.X", 10),
        ("env.a.vars.X[1]", 11),
        ("a", None),
    ],
)
def test_lines_of_json(path: str, line: int | None) -> None:
    assert line_of(path, JSON, is_json=True) == line


def test_messages_name_the_line(project: Project) -> None:
    """DT-058, DT-064: `base` has six lines."""
    config = project.load("vas = 1\n[dev]\nport = 1\nprt = 2\n")
    assert [getattr(warning, "line", None) for warning in config.warnings] == [6, 9]
    with pytest.raises(ConfigError) as caught:
        project.load('[env.staging]\n[env.staging.ai]\nbinding = 1\n[[kv_namespaces]]\nid = "x"\n', env="staging")
    shown = str(caught.value).splitlines()
    assert shown[0] == "Processing wrangler-like.toml configuration:"
    assert shown[1] == '  - "env.staging.ai" binding should have a string "binding" field. (line 8)'
