"""`request.cf`: what production's network knows about a client. Here it is the same made-up place for everybody.

The members are those of the official dev server, so that code that reads them runs (PW-060).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.worker.wire import Headers

__all__ = ["ClientProperties"]

_PLACE: Final[dict[str, object]] = {
    "asOrganization": "Paddock",
    "asn": 64496,  # one of those that RFC 5398 keeps for documentation
    "city": "Austin",
    "clientTcpRtt": 0,
    "colo": "DFW",
    "continent": "NA",
    "country": "US",
    "edgeRequestKeepAliveStatus": 1,
    "httpProtocol": "HTTP/1.1",
    "latitude": "30.27130",
    "longitude": "-97.74260",
    "metroCode": "635",
    "postalCode": "78701",
    "region": "Texas",
    "regionCode": "TX",
    "requestPriority": "",
    "timezone": "America/Chicago",
    "tlsCipher": "AEAD-AES128-GCM-SHA256",
    "tlsVersion": "TLSv1.3",
}


class ClientProperties(Mapping[str, object]):
    """The properties of one request."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> object:
        if name == "clientAcceptEncoding":
            return next((value for key, value in self._headers if key.lower() == "accept-encoding"), "")
        return _PLACE[name]

    def __iter__(self) -> Iterator[str]:
        yield from _PLACE
        yield "clientAcceptEncoding"

    def __len__(self) -> int:
        return len(_PLACE) + 1
