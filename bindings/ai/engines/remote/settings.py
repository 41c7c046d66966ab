"""What a remote engine must know: where the servers are, and which of their models it speaks for."""

from __future__ import annotations

import msgspec

__all__ = ["RemoteSettings"]


class RemoteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's servers. They serve the same model; which one answers a call is ours to choose."""

    #: The model id, for logs and errors.
    model: str
    #: Addresses without a trailing `/` or `/v1`, such as `http://127.0.0.1:8000`. At least one.
    urls: tuple[str, ...]
    #: The name that the servers serve the model by; None finds it, as `served.choose_name` says.
    remote_model: str | None = None
    #: Where the model's weights are published: servers often serve it by this name.
    repository: str | None = None
    #: Names of a classifier's labels, in order; empty where nothing tells them.
    labels: tuple[str, ...] = ()
    #: Prompt and answer together, in tokens; None, and whatever is above the servers' own, is the servers' own.
    context_tokens: int | None = None
    #: Requests that may be open at once, over all servers; one more is `EngineOverloaded`.
    max_open_requests: int = 2048
    #: Seconds for one answer to a question about a server: is it well, what does it serve.
    probe_timeout_s: float = 10.0
    #: Seconds for loading an adapter there.
    adapter_timeout_s: float = 120.0
