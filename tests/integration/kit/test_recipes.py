"""The recipes of the kit's documentation, run as they stand there."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "worker" / "testing" / "RECIPES.md"


def test_the_recipes_pass(pytester: pytest.Pytester) -> None:
    page = PAGE.read_text()
    blocks = re.findall(r"```\w+\n(.*?)```", page, re.DOTALL)
    files = [block for block in blocks if block.startswith("# ")]
    recipes = [block for block in blocks if block not in files]
    for block in files:
        name = block.partition("\n")[0].removeprefix("# ")
        place = Path(pytester.path, name)
        place.parent.mkdir(exist_ok=True)
        place.write_text(block)
    pytester.makepyfile(**{f"test_recipe_{number}": block for number, block in enumerate(recipes, 1)})
    assert (len(files), len(recipes)) == (4, page.count("\n## "))
    result = pytester.runpytest_subprocess("-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(
        passed=sum(block.count("def test_") for block in recipes) + 1
    )  # one of them with asyncio and with trio
