from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, TypedDict, overload

from workers import Response

_Body = str | bytes | bytearray | memoryview

class ReadableStream:
    """A JavaScript stream. A `Response` takes it as its body; `getReader` reads it piece by piece."""

    def getReader(self) -> Any: ...
    def tee(self) -> tuple[ReadableStream, ReadableStream]: ...
    async def cancel(self, reason: Any = ...) -> None: ...

class Fetcher:
    """Something that answers requests: static assets, another Worker. Methods of its entrypoint are called by RPC."""

    async def fetch(self, resource: Any, init: Any = ..., **options: Any) -> Response: ...
    def __getattr__(self, method: str) -> Any: ...

class AiModel:
    id: str
    source: int
    name: str
    description: str | None
    task: Any
    tags: Any
    properties: Any

class GatewayOptions(TypedDict, total=False):
    id: Required[str]
    cacheKey: str
    cacheTtl: float
    skipCache: bool
    metadata: dict[str, Any]
    collectLog: bool
    eventId: str
    requestTimeoutMs: float

class RunOptions(TypedDict, total=False):
    gateway: GatewayOptions
    prefix: str
    extraHeaders: dict[str, str]
    tags: list[str]
    sessionAffinity: str
    rejectIfBusy: bool
    keep_alive: float | str

class RawRunOptions(RunOptions):
    returnRawResponse: Required[Literal[True]]

class KvValue:
    value: Any
    metadata: Any
    cacheStatus: str | None

class KvKey(TypedDict):
    name: str
    expiration: NotRequired[int]
    metadata: NotRequired[Any]

class KvList(TypedDict):
    keys: list[KvKey]
    list_complete: bool
    cursor: NotRequired[str]

class KVNamespace:
    @overload
    async def get(self, name: str, options: Literal["text"] | None = ...) -> str | None: ...
    @overload
    async def get(self, name: str, options: Literal["json", "arrayBuffer", "stream"] | Mapping[str, Any]) -> Any: ...
    @overload
    async def get(self, name: list[str], options: Any = ...) -> Any: ...
    @overload
    async def getWithMetadata(self, name: str, options: Any = ...) -> KvValue: ...
    @overload
    async def getWithMetadata(self, name: list[str], options: Any = ...) -> Any: ...
    async def put(
        self, name: str, body: _Body | ReadableStream, options: Mapping[str, Any] | None = ..., **more: Any
    ) -> None: ...
    async def delete(self, name: str) -> None: ...
    async def list(self, options: Mapping[str, Any] | None = ..., **more: Any) -> KvList: ...

class Queue:
    async def send(self, body: Any, options: Mapping[str, Any] | None = ...) -> None: ...
    async def sendBatch(self, messages: Any, options: Mapping[str, Any] | None = ...) -> None: ...

class RateLimitOutcome:
    success: bool

class RateLimit:
    async def limit(self, options: Mapping[str, str]) -> RateLimitOutcome: ...

class D1Result:
    success: bool
    results: Sequence[Any]
    meta: Any

class D1PreparedStatement:
    def bind(self, *values: Any) -> D1PreparedStatement: ...
    async def first(self, column: str | None = ...) -> Any: ...
    async def run(self) -> D1Result: ...
    async def all(self) -> D1Result: ...
    async def raw(self, options: Mapping[str, bool] | None = ...) -> Any: ...

class D1Database:
    def prepare(self, query: str) -> D1PreparedStatement: ...
    async def batch(self, statements: list[D1PreparedStatement]) -> Sequence[D1Result]: ...
    async def exec(self, query: str) -> Any: ...
    def withSession(self, constraint: str | None = ...) -> Any: ...

class R2Object:
    key: str
    version: str
    size: int
    etag: str
    httpEtag: str
    uploaded: Any
    checksums: Any
    httpMetadata: Any
    customMetadata: Any
    range: Any
    storageClass: str
    def writeHttpMetadata(self, headers: Any) -> None: ...

class R2ObjectBody(R2Object):
    body: ReadableStream
    bodyUsed: bool
    async def arrayBuffer(self) -> Any: ...
    async def bytes(self) -> Any: ...
    async def text(self) -> str: ...
    async def json(self) -> Any: ...
    async def blob(self) -> Any: ...

class R2Objects:
    objects: Sequence[R2Object]
    truncated: bool
    cursor: str
    delimitedPrefixes: Sequence[str]

class R2UploadedPart:
    partNumber: int
    etag: str

class R2MultipartUpload:
    key: str
    uploadId: str
    async def uploadPart(self, part: int, value: Any, options: Mapping[str, Any] | None = ...) -> R2UploadedPart: ...
    async def complete(self, parts: Any) -> R2Object: ...
    async def abort(self) -> None: ...

class R2Bucket:
    async def head(self, key: str) -> R2Object | None: ...
    async def get(self, key: str, options: Mapping[str, Any] | None = ..., **more: Any) -> R2ObjectBody | None: ...
    async def put(
        self, key: str, value: Any, options: Mapping[str, Any] | None = ..., **more: Any
    ) -> R2Object | None: ...
    async def delete(self, keys: str | list[str]) -> None: ...
    async def list(self, options: Mapping[str, Any] | None = ..., **more: Any) -> R2Objects: ...
    async def createMultipartUpload(
        self, key: str, options: Mapping[str, Any] | None = ..., **more: Any
    ) -> R2MultipartUpload: ...
    def resumeMultipartUpload(self, key: str, upload_id: str) -> R2MultipartUpload: ...

class AnalyticsEngineDataset:
    def writeDataPoint(self, event: Mapping[str, Any] | None = ..., **members: Any) -> None: ...

class WorkerVersionMetadata:
    id: str
    tag: str
    timestamp: str

class AiMembers:
    """What `env.AI` has beside `run`."""

    aiGatewayLogId: str | None
    async def models(self, params: Mapping[str, Any] | None = ...) -> Sequence[AiModel]: ...
    def toMarkdown(self, files: Any = ..., options: Mapping[str, Any] | None = ...) -> Any: ...
    def gateway(self, gateway_id: str, options: Any = ...) -> Any: ...
    async def fetch(self, resource: Any, init: Any = ...) -> Response: ...
