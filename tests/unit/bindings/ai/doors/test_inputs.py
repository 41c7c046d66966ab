"""Bodies as JSON: what is nested too deeply is refused, whatever reads it afterwards."""

import pytest

from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.errors import InputError


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * levels + "1" + closing * levels).encode()


def test_128_levels_are_read() -> None:
    assert parse_json(nested(128)) and parse_json(nested(128, '{"a":', "}"))


@pytest.mark.parametrize("levels", [129, 500, 10_000])
def test_more_levels_are_refused(levels: int) -> None:
    for body in (nested(levels), nested(levels, '{"a":', "}"), b"[1,%s]" % nested(levels - 1)):
        with pytest.raises(InputError, match="nested deeper than 128 levels"):
            parse_json(body)


def test_many_values_side_by_side_are_not_deep() -> None:
    assert parse_json(b"[%s]" % b",".join([b"[{}]"] * 500)) == [[{}]] * 500
    assert parse_json(b'"%s"' % (b"[" * 500)) == "[" * 500
