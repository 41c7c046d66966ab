"""Files to pictures, with Pillow. Inside a host: what crashes here crashes nothing else."""

from __future__ import annotations

import io
from typing import Any, Final

from paddock.bindings.ai.engines.steploop import RequestRefused

__all__ = ["picture"]

#: A picture of this many pixels takes 150 MB.
_MOST_PIXELS: Final = 50_000_000
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def picture(data: bytes) -> Any:
    """The first picture of a file, in colours. Raises RequestRefused for what cannot be decoded, or is too large."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                size = f"{image.width} x {image.height}"
                raise RequestRefused("input", f"image: expected at most {_MOST_PIXELS} pixels; got {size}")
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        seen = f"{len(data)} bytes that begin with {data[:12].hex(' ')}" if data else "no bytes"
        raise RequestRefused("input", f"image: expected PNG, JPEG, WebP, GIF or BMP; got {seen}") from error
