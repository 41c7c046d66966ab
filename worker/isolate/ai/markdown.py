"""`env.AI.toMarkdown`: documents as Markdown, over the AI binding's fetcher.

Source: workerd, `cloudflare-internal:to-markdown-api`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.ai.inputs import first_error, members, request_init, stringified
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher
    from paddock.worker.isolate.web.response import Response

__all__ = ["ToMarkdownService"]

_ORIGIN: Final = "https://workers-binding.ai/to-everything/markdown"


class ToMarkdownService(JsProxy):
    """What `env.AI.toMarkdown()` returns."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    @promised
    async def transform(self, files: object, options: object = None) -> object:
        """Convert one document or an array of them. A document is an object with `name` and `blob`."""
        documents = list(files) if isinstance(files, JsArray | list) else [files]
        sent: dict[str, object] = {"files": [_encoded(document) for document in documents]}
        if not is_nullish(options):
            sent["options"] = options
        extra = members(members(options, "options").get("extraHeaders"), "options.extraHeaders")
        headers = {name.lower(): js_string(value) for name, value in extra.items()}
        init = request_init("POST", headers | {"content-type": "application/json"}, stringified(sent), None)
        response: Response = await self._fetcher.fetch(f"{_ORIGIN}/transformer", init)
        reply = await response.json()
        if not response.ok:
            raise JsException("AiInternalError", first_error(reply)[1] or "Internal Error")
        results = read(reply, "result")
        if isinstance(files, JsArray | list):
            return results
        if not isinstance(results, JsArray) or not len(results):
            raise JsException("AiInternalError", "Internal Error Converting files into Markdown")
        return results[0]

    @promised
    async def supported(self) -> object:
        """The formats that can be converted: `extension` and `mimeType` of each."""
        response: Response = await self._fetcher.fetch(f"{_ORIGIN}/supported")
        return read(await response.json(), "result")


def _encoded(document: object) -> dict[str, object]:
    blob = read(document, "blob")
    if not isinstance(blob, Blob):
        raise type_error("toMarkdown: expected documents with a name and a blob")
    return {"name": read(document, "name"), "mimeType": blob.type, "data": base64.b64encode(blob._data).decode()}
