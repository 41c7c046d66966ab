"""`TextEncoderStream` and `TextDecoderStream`. Source: Encoding standard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.web.buffers import JsBuffer, uint8_array
from paddock.worker.isolate.web.encoding import TextDecoder
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.text import js_string, utf8
from paddock.worker.isolate.web.transform import TransformStream

if TYPE_CHECKING:
    from paddock.worker.isolate.web.transform import TransformStreamDefaultController

__all__ = ["TextDecoderStream", "TextEncoderStream"]


class TextEncoderStream(TransformStream):
    """Text to UTF-8. A character that two chunks share the halves of stays whole."""

    def __init__(self) -> None:
        super().__init__(_Encoding())

    @property
    def encoding(self) -> str:
        return "utf-8"


class TextDecoderStream(TransformStream):
    """Bytes to text. A character whose bytes are in two chunks stays whole."""

    def __init__(self, label: object = "utf-8", options: object = None) -> None:
        self._decoder = TextDecoder.new(label, options)
        super().__init__(_Decoding(self._decoder))

    @property
    def encoding(self) -> str:
        return self._decoder.encoding

    @property
    def fatal(self) -> bool:
        return self._decoder.fatal

    @property
    def ignoreBOM(self) -> bool:
        return self._decoder.ignoreBOM


class _Encoding:
    def __init__(self) -> None:
        self._half = ""

    def transform(self, chunk: object, controller: TransformStreamDefaultController) -> None:
        text = self._half + js_string(chunk)
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        if whole := text.removesuffix(self._half):
            controller.enqueue(uint8_array(utf8(whole)))

    def flush(self, controller: TransformStreamDefaultController) -> None:
        if self._half:
            controller.enqueue(uint8_array(utf8(self._half)))


class _Decoding:
    def __init__(self, decoder: TextDecoder) -> None:
        self._decoder = decoder

    def transform(self, chunk: object, controller: TransformStreamDefaultController) -> None:
        if not isinstance(chunk, JsBuffer):
            raise type_error(
                "This TransformStream is being used as a byte stream, but received a value that is not a BufferSource."
            )
        if text := self._decoder.decode(chunk, stream=True):
            controller.enqueue(text)

    def flush(self, controller: TransformStreamDefaultController) -> None:
        if text := self._decoder.decode():
            controller.enqueue(text)
