"""Files to pictures: which formats there are, how large a picture may be, and the decoding, with Pillow.

Decoding belongs into a host: what crashes there crashes nothing else. The beginnings of files are told apart anywhere.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BLIND", "MOST_PICTURES", "MOST_PIXELS", "NoPicture", "decoded", "described_bytes", "media_type"]

#: Of a request. However small, each becomes as many numbers as the model looks at. Ours: production's is not known.
MOST_PICTURES: Final = 16
#: Of all pictures of a request together; decoded, that many take 150 MB.
MOST_PIXELS: Final = 50_000_000
#: How a file of each format begins. WebP is a RIFF file, whose kind stands behind its length.
_BEGINNINGS: Final = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/bmp": b"BM",
    "image/webp": b"RIFF",
}
#: Why an engine shows its model no picture.
BLIND: Final = (
    "runs on a checkpoint that reads text alone, as the stand-ins of some models do; pull its weights, or name some"
)
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
#: Pillow's modes of grey in 16 bits.
_DEEP: Final = ("I;16", "I")
_TOO_LARGE: Final = f"expected at most {MOST_PIXELS} pixels in a request; got {{}}"


class NoPicture(Exception):
    """A file that cannot be decoded, or is too large; the text says what was expected and what came."""


def media_type(data: bytes) -> str | None:
    """The media type of a file of a format that is decoded here, by its first bytes; None for every other file."""
    found = next((name for name, begin in _BEGINNINGS.items() if data.startswith(begin)), None)
    return found if found != "image/webp" or data[8:12] == b"WEBP" else None


def described_bytes(data: bytes) -> str:
    """What came instead of a picture, for an error's text."""
    return f"{len(data)} bytes that begin with {data[:12].hex(' ')}" if data else "no bytes"


def decoded(files: Iterable[bytes]) -> list[Any]:
    """The first picture of each file, upright, in colours, on white where it is transparent. Raises NoPicture."""
    used, found = 0, []
    for data in files:
        image = _decoded(data, used)
        used += image.width * image.height
        found.append(image)
    return found


def _decoded(data: bytes, used_pixels: int) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            # Before its pixels are there: a small file can say that it is as large as it likes.
            if used_pixels + image.width * image.height > MOST_PIXELS:
                others = f" besides {used_pixels} pixels of others" if used_pixels else ""
                raise NoPicture(_TOO_LARGE.format(f"{image.width} x {image.height}{others}"))
            return _coloured(image)
    except Image.DecompressionBombError as error:  # Pillow's own limit, of one picture, which is three times ours
        raise NoPicture(_TOO_LARGE.format("many times as many")) from error
    except UnidentifiedImageError as error:  # its text names a Python object
        raise NoPicture(_expected(data)) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise NoPicture(f"{_expected(data)} ({error})") from error


def _expected(data: bytes) -> str:
    return f"expected PNG, JPEG, WebP, GIF or BMP; got {described_bytes(data)}"


def _coloured(image: Any) -> Any:
    from PIL import Image, ImageOps

    ImageOps.exif_transpose(image, in_place=True)  # cameras leave pictures lying, and note how they were held
    if image.mode in _DEEP:
        image = image.point(lambda value: value * (1 / 256)).convert(
            "L"
        )  # `convert` alone makes nearly all of it white
    if not image.has_transparency_data:
        return image.convert("RGB")
    behind = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")
