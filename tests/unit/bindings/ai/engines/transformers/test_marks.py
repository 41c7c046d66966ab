"""What people write has no marks of pictures, whatever they are taken out of."""

from types import SimpleNamespace

import pytest

from paddock.bindings.ai.engines.transformers.marks import Marks

GEMMA = SimpleNamespace(
    image_token="<image_soft_token>",
    tokenizer=SimpleNamespace(boi_token="<start_of_image>", eoi_token="<end_of_image>"),
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a <start_of_image><image_soft_token><end_of_image>b", "a b"),
        ("<start_of<end_of_image>_image>", " "),
        ("<start<end_of_image>_of<start_of_image>_image>", " "),
        ("<start_of_image", "<start_of_image"),
        ("", ""),
    ],
)
def test_no_mark_is_left(text: str, left: str) -> None:
    marks = Marks(GEMMA)
    assert marks.out_of(text) == left
    assert marks.out_of({"a": [text, 1, None], "b": {"c": text}}) == {"a": [left, 1, None], "b": {"c": left}}


def test_a_processor_without_marks_leaves_all() -> None:
    assert Marks(SimpleNamespace(tokenizer=SimpleNamespace())).out_of("<image>") == "<image>"
