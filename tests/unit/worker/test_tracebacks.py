"""Tracebacks as the console shows them."""

import traceback
from pathlib import Path

from paddock.worker.tracebacks import shown_traceback

ROOT = Path(__file__).parent


def raised() -> str:
    try:
        try:
            int("x")
        except ValueError as error:
            raise KeyError("first") from error
    except KeyError:
        try:
            raise RuntimeError("last")
        except RuntimeError as error:
            return "".join(traceback.format_exception(error))


def test_the_last_exception_comes_first_and_its_causes_follow() -> None:
    shown = shown_traceback(raised(), ROOT, colour=False)
    ends = [line for line in shown.splitlines() if line and not line.startswith((" ", "Traceback"))]
    assert ends == [
        "RuntimeError: last",
        "While handling:",
        "KeyError: 'first'",
        "Caused by:",
        "ValueError: invalid literal for int() with base 10: 'x'",
    ]


def test_frames_of_others_are_dimmed_with_their_lines_and_only_in_colour() -> None:
    own, foreign = (
        f'  File "{ROOT}/a.py", line 1, in f\n    call()\n    ^^^^',
        '  File "/lib/b.py", line 2, in g\n    raise x',
    )
    vendored = f'  File "{ROOT}/python_modules/c.py", line 3, in h'
    stack = f"Traceback (most recent call last):\n{own}\n{foreign}\n{vendored}\nKeyError: 1"
    assert shown_traceback(stack, ROOT, colour=False) == stack
    dimmed = stack.replace(foreign, f"\x1b[2m{foreign}\x1b[0m").replace(vendored, f"\x1b[2m{vendored}\x1b[0m")
    assert shown_traceback(stack, ROOT, colour=True) == dimmed
