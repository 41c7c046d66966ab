"""The frames between the server and an isolate, and their protocol version.

What crosses in both directions is a fetch. The server fetches the isolate (an event); the isolate fetches a target of
the server: a binding by its name, or `fetch`, the outside world. Heads travel in `Fetch` and `Reply`, bodies in `Piece`
frames on credit, unless they are complete and small: then they stand in the head.

Ids. Each side numbers its own fetches and bodies; the server's are even, the isolate's odd (after HTTP/2). So the id of
a body says who owns it: a head that names a body of its *receiver* hands that body back unread, and the receiver joins
the two ends without a piece crossing.
"""

from __future__ import annotations

from typing import Final, NewType

import msgspec

__all__ = [
    "CALL",
    "CPU_LIMIT",
    "CPU_LIMIT_EXIT",
    "DEFAULT",
    "FETCH",
    "INLINE_BODY_BYTES",
    "PROTOCOL",
    "STUB",
    "BindingSpec",
    "Body",
    "BodyId",
    "Cancel",
    "Close",
    "Credit",
    "Drain",
    "End",
    "Failed",
    "Fault",
    "Fetch",
    "FetchId",
    "Finished",
    "Frame",
    "Headers",
    "Inspectable",
    "Piece",
    "Ping",
    "Pong",
    "Ready",
    "Reply",
    "Residue",
    "ServiceSpec",
    "Start",
    "decode",
    "encode",
]

#: Raised with every change of a frame; both ends refuse another number.
PROTOCOL: Final = 6
#: Bodies up to this size travel in the head.
INLINE_BODY_BYTES: Final = 64 * 1024
#: The name of a Fault for an event that was stopped because of the processor time that it took.
CPU_LIMIT: Final = "CpuLimitExceeded"
#: How an isolate leaves whose handler goes on in spite of that. 128 and the number of SIGXCPU, as a shell would say it.
CPU_LIMIT_EXIT: Final = 152
#: The kind of event that is a request.
FETCH: Final = "fetch"
#: Those of RPC: a call of a method, and of a function that came in a value.
CALL: Final = "call"
STUB: Final = "stub"
#: The name of the default entrypoint.
DEFAULT: Final = "default"

FetchId = NewType("FetchId", int)
BodyId = NewType("BodyId", int)
#: Names and values in wire order, repeats kept.
Headers = tuple[tuple[str, str], ...]
#: Complete bytes, the id of a stream, or no body.
Body = bytes | int | None


class _Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A frame is an array on the wire: its tag, then its fields."""


class BindingSpec(_Frame, frozen=True):
    """One binding of the worker: its name in `env` and its kind, which picks the stub."""

    name: str
    kind: str


class ServiceSpec(_Frame, frozen=True):
    """One service binding: an entrypoint of a worker, of this one where `is_own`; `props` is JSON text.

    `is_connected`: it is one of another worker of the session, which the server knows how to reach.
    """

    binding: str
    service: str
    entrypoint: str | None
    is_own: bool
    props: str = "{}"
    is_connected: bool = False


class Start(_Frame, frozen=True, tag=0):
    """Server to isolate, first and once: all that the handler's process needs to know."""

    protocol: int
    main: str
    worker: str
    #: Name to string, or name to JSON text for values that are not strings.
    strings: dict[str, str]
    json: dict[str, str]
    bindings: tuple[BindingSpec, ...]
    compatibility_date: str
    #: Compatibility flags that are on, defaults of the date included.
    flags: tuple[str, ...]
    #: Seconds that `waitUntil` work may outlive its response.
    wait_until_s: float
    #: The folder of the configuration; empty where that is the main module's.
    root: str = ""
    #: Refuse what production refuses; otherwise warn, where that is possible.
    is_strict: bool = True
    services: tuple[ServiceSpec, ...] = ()
    #: Processor time of one event.
    cpu_ms: int = 30_000
    #: By which other isolates find its functions; the server fills it in.
    isolate: int = 0
    #: Whether tail workers are told of its events.
    is_traced: bool = False
    #: Names among the variables whose values must not be shown.
    secret_names: tuple[str, ...] = ()
    #: Import the handler when a debugger has connected and has set its breakpoints.
    waits_for_debugger: bool = False
    #: Then stop at its first line.
    stops_at_first_line: bool = False


class Inspectable(_Frame, frozen=True, tag=15):
    """Isolate to server, before Start: its debugger listens on this port."""

    port: int


class Ready(_Frame, frozen=True, tag=1):
    """Isolate to server: the handler is imported. `handlers` are the events that it takes."""

    protocol: int
    handlers: tuple[str, ...]
    import_ms: float


class Failed(_Frame, frozen=True, tag=2):
    """Isolate to server: the handler cannot be imported. Positions are 1-based; `frames` are the user's frames only."""

    kind: str
    message: str
    file: str
    line: int
    column: int
    frames: str


class Fetch(_Frame, frozen=True, tag=3):
    """Either way. `cause` is the event on whose behalf an isolate fetches: its scope is the fetch's scope.

    Of an isolate's fetch, `target` is a binding by its name, or `fetch`. Of an event it is its kind: `fetch`, or one of
    `scheduled`, `queue`, `email` and `tail`, whose arguments are the body. Those of RPC are `call` and `stub`: their
    arguments are the body, too, and `method` names the method or the function; on the way to the server, the `target`
    of a `stub` is the number of the function's isolate.
    """

    id: FetchId
    target: str
    method: str
    url: str
    headers: Headers
    body: Body
    cause: int | None = None
    redirect: str = "follow"
    #: A WebSocket is asked for: the body is what this end says (`messages.py`), that of a reply with status 101 what
    #: the other end says.
    is_upgrade: bool = False
    #: Of an isolate's fetch of another worker: the kind of event that it is there.
    verb: str = FETCH
    #: Of an event: who takes it, and the `ctx.props` there as JSON text.
    entrypoint: str = DEFAULT
    props: str = "{}"
    #: How many workers it has come through; 0 for what comes from outside.
    depth: int = 0
    #: Of an event: by which the lines that it prints are marked (`outputlines.py`); empty for no marks.
    request_id: str = ""
    #: Bodies that the values of a call refer to.
    parts: tuple[Body, ...] = ()


class Reply(_Frame, frozen=True, tag=4):
    """Answers a Fetch. `url` is where an outbound fetch ended when it was redirected; `parts` are as in Fetch."""

    id: FetchId
    status: int
    status_text: str
    headers: Headers
    body: Body
    url: str = ""
    parts: tuple[Body, ...] = ()


class Fault(_Frame, frozen=True, tag=5):
    """Ends a Fetch without a reply: an exception, named as JavaScript names it, with the user's traceback.

    `report` is more of it, for people: see `faultreport.py`.
    """

    id: FetchId
    name: str
    message: str
    stack: str = ""
    report: bytes = b""


class Cancel(_Frame, frozen=True, tag=6):
    """The caller of a Fetch has gone; its scope ends."""

    id: FetchId


class Finished(_Frame, frozen=True, tag=7):
    """Isolate to server: an event's context is over, `waitUntil` work included. Its unread bodies are closed.

    `trace` is what it logged and raised, as JSON, where somebody is to be told of it.
    """

    id: FetchId
    trace: bytes = b""


class Piece(_Frame, frozen=True, tag=8):
    """The next bytes of a body."""

    body: BodyId
    data: bytes


class End(_Frame, frozen=True, tag=9):
    """No more pieces. A non-empty `error` says that the body broke off."""

    body: BodyId
    error: str = ""


class Credit(_Frame, frozen=True, tag=10):
    """The reader will take this many more pieces. The writer starts with none."""

    body: BodyId
    pieces: int


class Close(_Frame, frozen=True, tag=11):
    """The reader wants no more of a body."""

    body: BodyId


class Ping(_Frame, frozen=True, tag=12):
    """Server to isolate: is your event loop alive?"""


class Pong(_Frame, frozen=True, tag=13):
    """It is."""


class Drain(_Frame, frozen=True, tag=14):
    """Server to isolate: no more events will come; leave when the open ones are over."""


class Residue(_Frame, frozen=True, tag=16):
    """The test kit's isolate to the kit: something will be left of the test that runs, unless it is cleaned up.

    `has_failed`: background work or a listener has raised something.
    """

    has_failed: bool = False


Frame = (
    Start
    | Inspectable
    | Ready
    | Failed
    | Fetch
    | Reply
    | Fault
    | Cancel
    | Finished
    | Piece
    | End
    | Credit
    | Close
    | Ping
    | Pong
    | Drain
    | Residue
)

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Frame]] = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """The payload of one frame."""
    return _encoder.encode(frame)


def decode(payload: bytes) -> Frame:
    """The frame of one payload. Raises ValueError when it is none."""
    return _decoder.decode(payload)
