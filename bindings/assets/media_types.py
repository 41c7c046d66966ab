"""Content types by file name. Our own table, so that no answer depends on what a machine has in /etc.

Source: IANA media types, as the npm package `mime` 4, which wrangler asks, has them.
"""

from __future__ import annotations

from typing import Final

__all__ = ["media_type"]

_TYPES: Final = {
    "application/atom+xml": "atom",
    "application/epub+zip": "epub",
    "application/geo+json": "geojson",
    "application/gzip": "gz",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/node": "cjs",
    "application/octet-stream": "bin",
    "application/pdf": "pdf",
    "application/rss+xml": "rss",
    "application/toml": "toml",
    "application/vnd.ms-fontobject": "eot",
    "application/wasm": "wasm",
    "application/xhtml+xml": "xhtml",
    "application/xml": "xml xsl xsd",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "oga ogg opus",
    "audio/wav": "wav",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/apng": "apng",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg jpeg",
    "image/png": "png",
    "image/svg+xml": "svg svgz",
    "image/tiff": "tif tiff",
    "image/vnd.microsoft.icon": "ico",
    "image/webp": "webp",
    "model/gltf+json": "gltf",
    "model/gltf-binary": "glb",
    "text/cache-manifest": "appcache manifest",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm shtml",
    "text/javascript": "js mjs",
    "text/jsx": "jsx",
    "text/less": "less",
    "text/markdown": "md markdown",
    "text/mdx": "mdx",
    "text/plain": "txt text conf log ini",
    "text/tab-separated-values": "tsv",
    "text/vtt": "vtt",
    "text/wgsl": "wgsl",
    "text/yaml": "yaml yml",
    "video/mp2t": "ts",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpeg mpg",
    "video/ogg": "ogv",
    "video/quicktime": "mov",
    "video/webm": "webm",
}
_BY_ENDING: Final = {ending: kind for kind, endings in _TYPES.items() for ending in endings.split()}


def media_type(name: str) -> str | None:
    """The content type of a file by its name's ending, with the charset that text has; None for unknown ones."""
    _, dot, ending = name.rpartition(".")
    kind = _BY_ENDING.get(ending.lower()) if dot else None
    return f"{kind}; charset=utf-8" if kind and kind.startswith("text/") else kind
