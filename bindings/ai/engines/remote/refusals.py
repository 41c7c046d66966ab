"""What a server's failures mean to a caller of ours.

ServerLost        the connection failed, or a proxy found nothing behind it (502): another server may answer
ServerBusy        the server takes no more for now (503): another one may
ServerError       what the server said, in its own words; `refusal` makes one of our errors of it
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.errors import (
    EngineOverloaded,
    EngineUnavailable,
    InputError,
    JsonModeUnmet,
    OptionUnsupported,
    PaddockError,
)

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import EngineRequest

__all__ = ["ServerBusy", "ServerError", "ServerLost", "context_numbers", "is_over_context", "parse_error", "refusal"]

_SHOWN_CHARACTERS: Final = 500
#: vLLM 0.26 to 0.32, entrypoints and renderers; the last two are what other servers say.
_CONTEXT: Final = re.compile(
    r"maximum context length|maximum model length|max_tokens=\d+ cannot be greater|context window|context length", re.I
)
_LIMIT: Final = re.compile(
    r"(?:context length is|context length \(|max_model_len=|maximum model length of )(\d+)", re.I
)
_WANTED: Final = re.compile(r"requested (?:about )?(\d+) (?:input |output )?tokens(?: \(|\.| in total)", re.I)
_PROMPT: Final = re.compile(r"(?:contains|Input length \()\s?(\d+)(?: input tokens|\))")
_NO_TOOLS: Final = re.compile(r"--tool-call-parser|--enable-auto-tool-choice|tool[_ ]choice.*not supported", re.I)
#: The grammars by which vLLM 0.32 forces calls are not known to its backend `guidance`.
_NO_GRAMMAR: Final = re.compile(r"Invalid grammar specification")
_NO_TEMPLATE: Final = re.compile(r"chat template", re.I)


class ServerLost(Exception):
    """There is no connection to the server, or no longer one."""


class ServerBusy(Exception):
    """The server is there and takes no more requests."""


class ServerError(Exception):
    """A server's own refusal: an HTTP status from 400 on, and its text."""

    def __init__(self, status: int, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.parameter = parameter


class _Body(msgspec.Struct):
    """Every form in which vLLM's server and its frameworks write an error."""

    error: Any = None
    message: Any = None
    code: Any = None
    detail: Any = None


class _Error(msgspec.Struct):
    message: str = ""
    code: int | str | None = None
    param: str | None = None


def parse_error(status: int, content: bytes) -> ServerError:
    """An error of a body in any form. `status` is that of the answer; 200 takes the one that the body names."""
    try:
        body = msgspec.json.decode(content, type=_Body)
        given = body.error if isinstance(body.error, dict) else {"message": body.message, "code": body.code}
        error = msgspec.convert({name: value for name, value in given.items() if value is not None}, _Error)
        text = error.message or _plain(body.error) or _plain(body.detail)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        error, text = _Error(), ""
    if status == 200:
        status = error.code if isinstance(error.code, int) and error.code >= 400 else 500
    return ServerError(status, (text or content.decode("utf-8", "replace")).strip()[:_SHOWN_CHARACTERS], error.param)


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def is_over_context(error: ServerError) -> bool:
    """True for a prompt, or an answer, that the server's context has no room for."""
    return error.status in (400, 413, 422) and _CONTEXT.search(error.message) is not None


def context_numbers(error: ServerError, max_tokens: int) -> tuple[int | None, int | None]:
    """Tokens wanted, prompt and answer, and the limit, as far as the text tells exactly. "At least" is not exact."""
    limit = _LIMIT.search(error.message)
    wanted = _WANTED.search(error.message)
    prompt = _PROMPT.search(error.message)
    tokens = int(wanted[1]) if wanted else int(prompt[1]) + max_tokens if prompt else None
    return tokens, None if limit is None else int(limit[1])


def refusal(error: ServerError, request: EngineRequest, url: str, served: str) -> PaddockError:
    """Our error for a server's, but for context and adapters, about which one has to ask further.

    `served` is what the server has, for people.
    """
    status, text = error.status, error.message
    if status in (401, 403):
        hint = "Give the server's key as PADDOCK_REMOTE_KEY in the environment, or as remote_key in [paddock.engine]."
        return EngineUnavailable(f"{url} refuses the key ({status}): {text}", hint=hint)
    if status == 404:
        return EngineUnavailable(
            f"{url} answers 404: {text} It serves {served}.", hint="Set remote_model to one of them."
        )
    if status == 429:
        return EngineOverloaded()
    if status in (400, 413, 422):
        return _input_refusal(error, request)
    if 300 <= status < 400:
        return EngineUnavailable(f"{url} answers with a redirect ({status}); give the address that it leads to.")
    return EngineUnavailable(f"{url} failed ({status}): {text}")


def _input_refusal(error: ServerError, request: EngineRequest) -> PaddockError:
    text, sampling = error.message, request.sampling
    if request.tool_use is not None and _NO_TOOLS.search(text):
        return OptionUnsupported(
            f"tools: the server cannot read tool calls: {text}",
            hint="Start it with --enable-auto-tool-choice and --tool-call-parser.",
        )
    if request.tool_use is not None and request.tool_use.is_forced and _NO_GRAMMAR.search(text):
        return OptionUnsupported(
            f"tool_choice: the server cannot force calls: {text}",
            hint="Start it with --structured-outputs-config of the backend xgrammar.",
        )
    if request.messages is not None and _NO_TEMPLATE.search(text):
        return InputError(f"Error: {text}", hint="Start the server with --chat-template, or send a raw prompt.")
    if sampling.json_schema is not None and sampling.logit_bias is None and request.tool_use is None:
        # Tasks map every other value to what vLLM takes, but for token ids, which only the tokenizer can judge.
        return JsonModeUnmet(hint=text)
    return InputError(f"Error: {text}")
