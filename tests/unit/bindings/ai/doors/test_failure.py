from paddock.bindings.ai.doors.failure import failure_headers
from paddock.bindings.errors import PaddockError


def test_a_hint_is_one_line_of_ascii() -> None:
    error = PaddockError("no", hint="one\r\nX-Two: \0três")
    assert ("paddock-hint", "one X-Two: tr\\xeas") in failure_headers(error, "id")
