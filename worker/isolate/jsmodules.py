"""JavaScript modules that `import_from_javascript` reaches, beside those that belong to the running event.

Source: workerd, src/cloudflare; PW-123.
"""

from __future__ import annotations

from typing import Final

from paddock.worker.isolate.web.objects import JsObject, JsProxy

__all__ = ["MODULES", "JsModule"]

_EMBEDDING_MODELS: Final = (
    "openai/text-embedding-ada-002",
    "cohere/embed-multilingual-v2.0",
    "@cf/baai/bge-small-en-v1.5",
    "@cf/baai/bge-base-en-v1.5",
    "@cf/baai/bge-large-en-v1.5",
)


class JsModule(JsObject):
    """A module: its exports are its members."""

    __slots__ = ()
    _js_name = "Module"


MODULES: Final[dict[str, JsProxy]] = {
    "cloudflare:vectorize": JsModule(
        {
            "DistanceMetric": JsObject({"EUCLIDEAN": "euclidean", "COSINE": "cosine", "DOT_PRODUCT": "dot-product"}),
            "KnownModel": JsObject({name: name for name in _EMBEDDING_MODELS}),
            "MetadataRetrievalLevel": JsObject({"ALL": "all", "INDEXED": "indexed", "NONE": "none"}),
        }
    ),
}
