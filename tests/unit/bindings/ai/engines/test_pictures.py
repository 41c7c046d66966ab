"""What becomes of the pixels of a file: as a person sees it, whatever the file's form."""

import io
from typing import Any

import pytest

from paddock.bindings.ai.engines.pictures import NoPicture, decoded

Image = pytest.importorskip("PIL.Image", reason="Pillow comes with the engine extra")

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(image: Any, form: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **more)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
def test_a_picture_that_a_camera_left_lying_stands_upright(form: str) -> None:
    lying = Image.new("RGB", (64, 32), "white")
    lying.paste(RED, (0, 0, 32, 32))
    how = Image.Exif()
    how[0x0112] = 6  # the camera was held so that the right of the file is the bottom of what was seen
    (upright,) = decoded([saved(lying, form, exif=how, quality=100)])
    assert upright.size == (32, 64)
    assert upright.getpixel((16, 8))[1] < 30 < 225 < upright.getpixel((16, 56))[1]


def test_sixteen_bits_of_grey_are_as_light_as_eight() -> None:
    (deep,) = decoded([saved(Image.new("I;16", (4, 4), 0x8000))])
    assert deep.getpixel((0, 0)) == (0x80,) * 3


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (4, 4), (*RED, 0))
    clear.putpixel((1, 1), (*RED, 255))
    (seen,) = decoded([saved(clear)])
    assert (seen.mode, seen.getpixel((0, 0)), seen.getpixel((1, 1))) == ("RGB", WHITE, RED)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([saved(Image.new("1", (8_000, 8_000)))], r"^expected at most 50000000 pixels in a request; got 8000 x 8000$"),
        ([saved(Image.new("1", (16_000, 16_000)))], r"^expected at most 50000000 pixels in a request; got many times"),
        ([saved(Image.new("1", (7_000, 5_000)))] * 2, r"got 7000 x 5000 besides 35000000 pixels of others$"),
        ([saved(Image.new("RGB", (9, 9), RED))[:50]], r"^expected PNG.*begin with 89 50 4e 47.*\(.*truncated"),
        ([b"\x89PNG\r\n\x1a\n"], r"^expected PNG, JPEG, WebP, GIF or BMP; got 8 bytes .* 0a$"),
        ([saved(Image.new("RGB", (9, 9)), "TIFF")], r"^expected PNG, JPEG, WebP, GIF or BMP; got \d+ bytes"),
    ],
    ids=["large", "a bomb", "two", "half", "nothing in it", "another format"],
)
def test_what_is_none_or_too_large_is_told_so(files: list[bytes], text: str) -> None:
    with pytest.raises(NoPicture, match=text):
        decoded(files)
