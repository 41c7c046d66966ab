"""`pyodide.http`: `pyfetch` and the response it returns.

Source: Pyodide, "pyodide.http". The official SDK's Response is a subclass of FetchResponse. PW-047, PW-084, PW-095,
PW-100.
"""

from __future__ import annotations

import asyncio
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from paddock.worker.isolate.web.abort import AbortController, AbortSignal
from paddock.worker.isolate.web.convert import FROM_ENTRIES, to_js
from paddock.worker.isolate.web.errors import JsException, abort_error
from paddock.worker.isolate.web.fetch import FETCH

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from paddock.worker.isolate.web.buffers import ArrayBuffer
    from paddock.worker.isolate.web.response import Response

__all__ = ["AbortError", "BodyUsedError", "FetchResponse", "HttpStatusError", "pyfetch"]

_T = TypeVar("_T")


class HttpStatusError(OSError):
    """A status of 400 or more, raised by `raise_for_status()`."""

    def __init__(self, status: int, status_text: str, url: str) -> None:
        side = "Client" if status < 500 else "Server"
        super().__init__(f"{status} {side} Error: {status_text} for url: {url}")
        self.status, self.status_text, self.url = status, status_text, url

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.status_text, self.url)


class BodyUsedError(OSError):
    """The body was read before."""

    def __init__(self, *_arguments: object) -> None:
        super().__init__("Response body is already used")


class AbortError(OSError):
    """The request did not come through: it was aborted, or the network failed."""

    def __init__(self, reason: object) -> None:
        super().__init__(str(getattr(reason, "message", reason)))


def _reading(
    method: Callable[[FetchResponse], Coroutine[object, object, _T]],
) -> Callable[[FetchResponse], Coroutine[object, object, _T]]:
    """For methods that read the body: JavaScript's errors become AbortError, a cancelled reader aborts the request."""

    @functools.wraps(method)
    async def read(self: FetchResponse) -> _T:
        try:
            return await method(self)
        except JsException as error:
            raise AbortError(self.abort_signal.reason if self.abort_signal else error) from None
        except asyncio.CancelledError:
            if self.abort_controller is not None:
                self.abort_controller.abort(abort_error())
            raise

    return read


class FetchResponse:
    """A response with results in Python's types."""

    def __init__(
        self,
        url: str,
        js_response: Response,
        abort_controller: AbortController | None = None,
        abort_signal: AbortSignal | None = None,
    ) -> None:
        self._url = url
        self.js_response = js_response
        self.abort_controller = abort_controller
        self.abort_signal = abort_signal

    @property
    def body_used(self) -> bool:
        return self.js_response.bodyUsed

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.js_response.header_pairs())

    @property
    def ok(self) -> bool:
        return self.js_response.ok

    @property
    def redirected(self) -> bool:
        return self.js_response.redirected

    @property
    def status(self) -> int:
        return self.js_response.status

    @property
    def status_text(self) -> str:
        return self.js_response.statusText

    @property
    def type(self) -> str:
        return self.js_response.type

    @property
    def url(self) -> str:
        return self.js_response.url

    def raise_for_status(self) -> None:
        """Raise HttpStatusError for a status from 400 to 599."""
        if 400 <= self.status < 600:
            raise HttpStatusError(self.status, self.status_text, self.url)

    def clone(self) -> FetchResponse:
        """A second response with the same content. Raises BodyUsedError after the body was read."""
        if self.body_used:
            raise BodyUsedError
        return FetchResponse(self._url, self.js_response.clone(), self.abort_controller, self.abort_signal)

    @_reading
    async def buffer(self) -> ArrayBuffer:
        self._raise_if_failed()
        return await self.js_response.arrayBuffer()

    @_reading
    async def text(self) -> str:
        self._raise_if_failed()
        return str(await self.js_response.text())

    async def string(self) -> str:
        return await self.text()

    async def json(self, **kwargs: Any) -> Any:
        """The value of a JSON body, in Python's types. Keywords go to `json.loads`."""
        return json.loads(await self.text(), **kwargs)

    async def bytes(self) -> bytes:
        return (await self.buffer()).to_bytes()

    async def memoryview(self) -> memoryview:
        return (await self.buffer()).to_memoryview()

    async def unpack_archive(self, *, extract_dir: str | None = None, format: str | None = None) -> None:
        """Unpack the body as an archive; without a format, the URL's file name tells which."""
        data = await self.bytes()
        await asyncio.to_thread(_unpack, data, self._url.rpartition("/")[2], extract_dir, format)

    def abort(self, reason: object = None) -> None:
        """Abort the request. Raises ValueError for a response that no request stands behind."""
        if self.abort_controller is None:
            raise ValueError("abort_controller is not set")
        self.abort_controller.abort(abort_error() if reason is None else JsException("AbortError", str(reason)))

    def _raise_if_failed(self) -> None:
        if self.abort_signal is not None and self.abort_signal.aborted:
            raise AbortError(self.abort_signal.reason)
        if self.body_used:
            raise BodyUsedError


async def pyfetch(
    url: Any, /, *, signal: AbortSignal | None = None, fetcher: Any = None, **kwargs: object
) -> FetchResponse:
    """The response to a request. Keywords are the options of `fetch`. Raises AbortError where the network fails."""
    controller = AbortController.new()
    either = AbortSignal.any([signal, controller.signal]) if signal else controller.signal
    options = to_js({**kwargs, "signal": either}, dict_converter=FROM_ENTRIES)
    send: Any = fetcher or FETCH
    try:
        return FetchResponse(url, await send(url, options), controller, either)
    except JsException as error:
        raise AbortError(error) from None


def _unpack(data: bytes, filename: str, extract_dir: str | None, format: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, filename or "archive")
        archive.write_bytes(data)
        shutil.unpack_archive(str(archive), extract_dir or str(Path.cwd()), format)
