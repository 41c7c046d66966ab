"""httpx's clients with a worker under test behind them, made anew for every test: what that takes is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from paddock.worker.testing import http

if TYPE_CHECKING:
    from paddock.worker.testing.requests import Requests

__all__ = ["WorkerAsyncClient", "WorkerClient"]


class _Jar(httpx.Cookies):
    """Cookies that look into no response without one: the standard library's jar takes a quarter of a request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class _WithJar:
    """What both clients have."""

    _jar: _Jar

    @property
    def cookies(self) -> httpx.Cookies:
        """As in httpx."""
        return self._jar

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        self._jar = _Jar(cookies)


class WorkerClient(_WithJar, httpx.Client):
    """For tests that are no coroutines."""

    def __init__(self, worker: Requests, **arguments: Any) -> None:
        self.cookies = arguments.pop("cookies", None)
        super().__init__(transport=http.SyncTransport(worker), **_defaults(arguments))


class WorkerAsyncClient(_WithJar, httpx.AsyncClient):
    """For coroutines."""

    def __init__(self, worker: Requests, **arguments: Any) -> None:
        self.cookies = arguments.pop("cookies", None)
        super().__init__(transport=http.AsyncTransport(worker), **_defaults(arguments))


def _defaults(arguments: dict[str, Any]) -> dict[str, Any]:
    # No proxy of the environment is between a test and its worker.
    return {"base_url": http.BASE_URL, "trust_env": False, **arguments}
