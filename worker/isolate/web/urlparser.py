"""Parsing of URLs by the WHATWG rules, into a record.

Source: URL standard, "URL parsing" and "Host parsing". Domain names go through the standard library's IDNA codec
(IDNA 2003), which differs from the standard's UTS 46 for a few scripts; a kept parser library will replace this file.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

from paddock.worker.isolate.web.text import utf8

__all__ = [
    "DEFAULT_PORTS", "FRAGMENT_SET", "PATH_SET", "QUERY_SET", "SPECIAL_QUERY_SET", "USERINFO_SET", "InvalidUrl",
    "UrlRecord", "encode", "parse_host", "parse_path", "parse_port", "parse_url",
]  # fmt: skip

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "file": None}

_C0: Final = frozenset(map(chr, range(0x20))) | {"\x7f"}
FRAGMENT_SET: Final = _C0 | set(' "<>`')
QUERY_SET: Final = _C0 | set(' "#<>')
SPECIAL_QUERY_SET: Final = QUERY_SET | {"'"}
PATH_SET: Final = QUERY_SET | set("?^`{}")
USERINFO_SET: Final = PATH_SET | set("/:;=@[\\]|")

_FORBIDDEN_HOST: Final = frozenset("\0\t\n\r #/:<>?@[\\]^|")
_FORBIDDEN_DOMAIN: Final = _FORBIDDEN_HOST | _C0 | {"%"}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SINGLE_DOT: Final = frozenset((".", "%2e"))
_DOUBLE_DOT: Final = frozenset(("..", ".%2e", "%2e.", "%2e%2e"))


class InvalidUrl(ValueError):
    """The text is no URL."""


class UrlRecord(NamedTuple):
    """A parsed URL. `host` is None where there is no authority; an opaque path (`mailto:x`) is a str, not a tuple."""

    scheme: str
    username: str = ""
    password: str = ""
    host: str | None = None
    port: int | None = None
    path: tuple[str, ...] | str = ()
    query: str | None = None
    fragment: str | None = None

    @property
    def is_special(self) -> bool:
        return self.scheme in DEFAULT_PORTS

    @property
    def pathname(self) -> str:
        return self.path if isinstance(self.path, str) else "".join(f"/{segment}" for segment in self.path)

    def text(self, *, with_fragment: bool = True) -> str:
        """The URL as text: what `href` reads."""
        parts = [self.scheme, ":"]
        if self.host is not None:
            parts.append("//")
            if self.username or self.password:
                parts += [self.username, f":{self.password}" if self.password else "", "@"]
            parts += [self.host, "" if self.port is None else f":{self.port}"]
        elif not isinstance(self.path, str) and len(self.path) > 1 and not self.path[0]:
            parts.append("/.")  # keeps a path that begins with two slashes from reading as a host
        parts += [self.pathname, "" if self.query is None else f"?{self.query}"]
        if with_fragment and self.fragment is not None:
            parts.append(f"#{self.fragment}")
        return "".join(parts)


def parse_url(text: str, base: UrlRecord | None = None) -> UrlRecord:
    """The record of an absolute URL, or of a relative one against `base`. Raises InvalidUrl."""
    text = re.sub(r"[\t\n\r]", "", text.strip("".join(map(chr, range(0x21)))))
    rest, hash_, fragment_text = text.partition("#")
    fragment = encode(fragment_text, FRAGMENT_SET) if hash_ else None
    match = _SCHEME.match(rest)
    if match is None:
        if base is None:
            raise InvalidUrl(text)
        return _relative(rest, base)._replace(fragment=fragment)
    scheme, rest = match[1].lower(), rest[match.end() :]
    if scheme in DEFAULT_PORTS:
        if base is not None and base.scheme == scheme and not rest.startswith(("/", "\\")):
            return _relative(rest, base)._replace(fragment=fragment)
        if scheme != "file":
            rest = "//" + rest.lstrip("/\\")
        rest, mark, query = rest.partition("?")
        record = _hierarchical(scheme, rest.replace("\\", "/") + mark + query)
    elif rest.startswith("/"):
        record = _hierarchical(scheme, rest)
    else:
        path, mark, query = rest.partition("?")
        record = UrlRecord(scheme, path=encode(path, _C0), query=encode(query, QUERY_SET) if mark else None)
    return record._replace(fragment=fragment)


def parse_host(text: str, *, is_special: bool) -> str:
    """A host in its normal form: lower case, numbers as IPv4, brackets around IPv6. Raises InvalidUrl."""
    if text.startswith("["):
        if not text.endswith("]"):
            raise InvalidUrl(text)
        return f"[{_ipv6(text[1:-1])}]"
    if not is_special:
        if any(character in _FORBIDDEN_HOST for character in text):
            raise InvalidUrl(text)
        return encode(text, _C0)
    domain = _to_ascii(_percent_decoded(text))
    if not domain or any(character in _FORBIDDEN_DOMAIN for character in domain):
        raise InvalidUrl(text)
    return _ipv4(domain) if _ends_in_number(domain) else domain


def parse_port(digits: str) -> int:
    """The number of a port. Raises InvalidUrl where it is too high."""
    significant = digits.lstrip("0")
    if len(significant) > 5 or int(significant or "0") > 0xFFFF:
        raise InvalidUrl(digits)
    return int(significant or "0")


def parse_path(text: str, *, is_special: bool, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Segments of a path after those in `before`, with the dots resolved."""
    if is_special:
        text = text.replace("\\", "/")
    segments = list(before)
    parts = text.split("/")
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        if part.lower() in _DOUBLE_DOT:
            del segments[-1:]
            if is_last:
                segments.append("")
        elif part.lower() in _SINGLE_DOT:
            if is_last:
                segments.append("")
        else:
            segments.append(encode(part, PATH_SET))
    return tuple(segments)


def encode(text: str, characters: frozenset[str]) -> str:
    """Percent-encode the characters of a set and everything that is not ASCII."""
    return "".join(
        character if character < "\x7f" and character not in characters else _percent_encoded(character)
        for character in text
    )


def _hierarchical(scheme: str, rest: str) -> UrlRecord:
    """The record of what follows `scheme:` and begins with a slash."""
    is_special = scheme in DEFAULT_PORTS
    rest, mark, query_text = rest.partition("?")
    query = _query(query_text, is_special) if mark else None
    if not rest.startswith("//"):
        path = parse_path(rest.removeprefix("/"), is_special=is_special)
        return UrlRecord(scheme, host="" if scheme == "file" else None, path=path, query=query)
    authority, slash, path_text = rest[2:].partition("/")
    username, password, host, port = _authority(authority, scheme)
    path = parse_path(path_text, is_special=is_special) if slash or is_special else ()
    return UrlRecord(scheme, username, password, host, port, path, query)


def _authority(text: str, scheme: str) -> tuple[str, str, str, int | None]:
    credentials, at, host_port = text.rpartition("@")
    username, _, password = credentials.partition(":")
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", host_port)
    if match is None or (at and not host_port):
        raise InvalidUrl(text)
    host_text, port_text = match[1], match[2]
    is_special = scheme in DEFAULT_PORTS
    if not host_text:
        if scheme == "file" and not at and port_text is None:
            return "", "", "", None
        if is_special or at or port_text:
            raise InvalidUrl(text)
        return "", "", "", None
    port = parse_port(port_text) if port_text else None
    host = parse_host(host_text, is_special=is_special)
    return (
        encode(username, USERINFO_SET),
        encode(password, USERINFO_SET),
        "" if scheme == "file" and host == "localhost" else host,
        None if port == DEFAULT_PORTS.get(scheme) else port,
    )


def _relative(rest: str, base: UrlRecord) -> UrlRecord:
    if isinstance(base.path, str):
        if rest:
            raise InvalidUrl(rest)
        return base
    rest, mark, query_text = rest.partition("?")
    query = _query(query_text, base.is_special) if mark else None
    if base.is_special:
        rest = rest.replace("\\", "/")
    if rest.startswith("//"):
        return _hierarchical(base.scheme, rest)._replace(query=query)
    if rest.startswith("/"):
        return base._replace(path=parse_path(rest[1:], is_special=base.is_special), query=query)
    if not rest:
        return base._replace(query=query if mark else base.query)
    path = parse_path(rest, is_special=base.is_special, before=base.path[:-1])
    return base._replace(path=path, query=query)


def _query(text: str, is_special: bool) -> str:
    return encode(text, SPECIAL_QUERY_SET if is_special else QUERY_SET)


def _percent_encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in utf8(character))


def _percent_decoded(text: str) -> str:
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes((int(match[1], 16),)), utf8(text))
    return data.decode("utf-8", "replace")


def _to_ascii(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise InvalidUrl(domain) from error


def _ends_in_number(domain: str) -> bool:
    last = domain.removesuffix(".").rpartition(".")[2]
    return bool(re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", last))


def _ipv4(domain: str) -> str:
    parts = domain.removesuffix(".").split(".")
    if len(parts) > 4:
        raise InvalidUrl(domain)
    numbers = [_ipv4_number(part) for part in parts]
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        raise InvalidUrl(domain)
    address = numbers[-1] + sum(number << (8 * (3 - index)) for index, number in enumerate(numbers[:-1]))
    return str(ipaddress.IPv4Address(address))


def _ipv4_number(text: str) -> int:
    try:
        if text[:2].lower() == "0x":
            return int(text[2:] or "0", 16)
        return int(text, 8) if len(text) > 1 and text[0] == "0" else int(text)
    except ValueError as error:
        raise InvalidUrl(text) from error


def _ipv6(text: str) -> str:
    if "%" in text:
        raise InvalidUrl(text)
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as error:
        raise InvalidUrl(text) from error
    if address.ipv4_mapped is None:
        return address.compressed
    # The library prints a mapped IPv4 address with dots in newer versions; the standard never does.
    low = int(address) & 0xFFFFFFFF
    return f"::ffff:{low >> 16:x}:{low & 0xFFFF:x}"
