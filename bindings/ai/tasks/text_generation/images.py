"""Pictures of a conversation, in the forms in which callers give them, as files.

Source: the model files of llama-3.2-11b-vision-instruct (`image`) and mistral-small-3.1-24b-instruct (parts; "HTTP URL
will not be accepted"); issue threads of July 2026 for the texts of error 8006.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.pictures import described_bytes, media_type
from paddock.bindings.ai.engines.protocol import Picture
from paddock.bindings.ai.files import file_bytes
from paddock.bindings.errors import InputError, InvalidImage, OptionUnsupported

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Message
    from paddock.bindings.ai.tasks.text_generation.inputs import Part

__all__ = ["as_file", "picture_of", "with_image"]

_BLIND: Final = "{} takes no pictures"
_NOT_FETCHED: Final = "Nothing is fetched: send the picture itself, as data:image/png;base64,..."


def as_file(image: object, card: ModelCard) -> bytes:
    """The input `image`. Raises OptionUnsupported for a model without such an input, InputError, InvalidImage."""
    if not card.declares_input("image"):
        instead = "give pictures as parts of messages" if card.sees else _BLIND.format(card.name)
        raise OptionUnsupported(f"image: {instead}")
    return _checked(file_bytes("image", image))


def picture_of(part: Part, where: str, role: str, card: ModelCard) -> bytes:
    """A part of a message. Raises OptionUnsupported for a model that sees nothing, InvalidImage."""
    if not card.sees:
        raise OptionUnsupported(f"{where}: expected a part of type text; got image_url: {_BLIND.format(card.name)}")
    if role != "user":
        raise OptionUnsupported(f"{where}: expected pictures in messages of the role user; got one of {role!r}")
    if part.image_url is None:
        raise InputError(f"Error: {where}.image_url: expected an object with a url; got nothing")
    url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
    return _checked(_of_data_uri(url))


def with_image(image: bytes, messages: list[Message]) -> list[Message]:
    """The messages, of which the last of the user begins with the picture. Raises InputError where there is none."""
    for at in reversed(range(len(messages))):
        if messages[at].role == "user":
            pictures = (Picture(image), *messages[at].pictures)
            return [*messages[:at], msgspec.structs.replace(messages[at], pictures=pictures), *messages[at + 1 :]]
    raise InputError("Error: image: expected a message of the role user that it belongs to; got none")


def _of_data_uri(uri: str) -> bytes:
    if not uri[:5].lower() == "data:":
        raise InvalidImage(f"expected a data URI, got {uri[:40]!r}", hint=_NOT_FETCHED)
    _, separator, data = uri.partition(";base64,")
    if not separator:
        raise InvalidImage("expected `;base64,` separator in data URI")
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidImage("invalid base64 encoding", hint=str(error)) from error


def _checked(data: bytes) -> bytes:
    """The file of a format that hosts decode: what it says it is, in a URI, is no matter."""
    if media_type(data) is None:
        raise InvalidImage(f"expected PNG, JPEG, WebP, GIF or BMP; got {described_bytes(data)}")
    return data
