"""Every error that Paddock raises on purpose, below the server.

    PaddockError                code, message, hint; who must act; what a client sees
      InputError                user: the inputs do not fit (5006)
        ContextOverflow         user: prompt plus answer exceed the context window (5021)
        TextTooLong             user: a text is longer than the model reads (3030)
        IncompleteRequest       user: body or header missing, or not JSON (3003)
        RequestTooLarge         user: body over the limit (3006)
        LoraUnsupported         user: the model takes no adapters (5005)
        LoraNotFound            user: no such adapter (3037)
        FinetuneIncomplete      user: a finetune without both of its files (3039)
        FinetuneRefused         user: a finetune or a file of one that cannot be taken, with the reason
        JsonModeStreamed        user: JSON mode together with `stream` (5023)
        JsonModeUnmet           user: no answer that fits the JSON Schema (5024)
        InvalidImage            user: data that is no picture, or a URL (8006)
        OptionUnsupported       user: an option that Paddock cannot honour, with the reason
      ModelNotFound             user: no such model id (5007); names the closest ones
      TaskUnsupported           user: nothing here can run this model's task
      CatalogError              operator: a model file is malformed; names file and key
      ModelBusy                 user: an unload of a model that has calls or is pinned
      WeightsMissing            operator: no weights, and stand-ins are switched off
      StateUnavailable          operator: what is kept on disk cannot be read or written
      ConverterMissing          operator: toMarkdown needs packages that are not installed
      EngineError               retryable or not
        EngineOverloaded        retryable: queue full (3040)
        EngineUnavailable       retryable: not installed, failed to start
        EngineDead              the engine host died under the call
        FirstTokenTimeout       retryable: no token in the time that the configuration gives (3007)
        RunTimeout              retryable: no end in the time that the configuration gives (3046)
    (worker/errors.py adds ConfigError, IsolateError and their children.)

`internal_code`, `status` and `label` are production's, from the error table of the developer docs and from captured
replies. Where production has no such failure, the code is 1000, which it used for a lost upstream; the fidelity table
of the README lists those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Actor",
    "CatalogError",
    "ContextOverflow",
    "ConverterMissing",
    "EngineDead",
    "EngineError",
    "EngineOverloaded",
    "EngineUnavailable",
    "FinetuneIncomplete",
    "FinetuneRefused",
    "FirstTokenTimeout",
    "IncompleteRequest",
    "InputError",
    "InvalidImage",
    "JsonModeStreamed",
    "JsonModeUnmet",
    "LoraNotFound",
    "LoraUnsupported",
    "ModelBusy",
    "ModelNotFound",
    "OptionUnsupported",
    "PaddockError",
    "RequestTooLarge",
    "RunTimeout",
    "StateUnavailable",
    "TaskUnsupported",
    "TextTooLong",
    "WeightsMissing",
]

Actor = Literal["user", "operator", "us"]


class PaddockError(Exception):
    """Root of the tree. `message` says what was expected, what came and where; `hint` says what to do."""

    #: Stable text for programs: logs, JSON error bodies, tests.
    code: ClassVar[str] = "paddock_error"
    #: Who must act. Only errors of `us` are logged with our traceback.
    actor: ClassVar[Actor] = "us"
    #: HTTP status of the answer.
    status: ClassVar[int] = 500
    #: The number that Cloudflare puts into `internalCode` and `errors[0].code`.
    internal_code: ClassVar[int] = 1000
    #: The words between `AiError: ` and the description in a full message.
    label: ClassVar[str] = "AiError"
    #: True when the same call may succeed a little later.
    retryable: ClassVar[bool] = False
    #: Seconds until then, where that is known.
    retry_after_s: float | None = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message}{'' if self.message.endswith(('.', '!', '?')) else '.'} {self.hint}"


class InputError(PaddockError):
    """The inputs do not fit the model's schema. `message` is production's text, `Error: ` included."""

    code = "input_error"
    actor = "user"
    status = 400
    internal_code = 5006
    label = "Bad input"


class ContextOverflow(InputError):
    """Prompt tokens plus `max_tokens` exceed the context window: refused, never cut (release notes of 2025-02-21)."""

    code = "context_overflow"
    status = 413
    internal_code = 5021
    label = "AiError"

    def __init__(self, wanted_tokens: int, context_tokens: int) -> None:
        super().__init__(
            f"The estimated number of input and maximum output tokens ({wanted_tokens}) exceeded this model context "
            f"window limit ({context_tokens})"
        )


class TextTooLong(InputError):
    """A text to embed or to classify has more tokens than the model reads, and is not to be truncated."""

    code = "text_too_long"
    internal_code = 3030
    label = "AiError"

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(f"Sequence too long: {tokens} > {limit}")


class IncompleteRequest(InputError):
    """The body is missing or is not JSON, or a header is missing."""

    code = "incomplete_request"
    internal_code = 3003
    label = "Incomplete request"


class RequestTooLarge(InputError):
    """The body is over the configured limit."""

    code = "request_too_large"
    status = 413
    internal_code = 3006
    label = "Request too large"


class LoraUnsupported(InputError):
    """`lora` was given to a model that takes no adapters."""

    code = "lora_unsupported"
    status = 405
    internal_code = 5005
    label = "LoRa unsupported"

    def __init__(self, model: str) -> None:
        super().__init__(f"The model {model} does not support LoRa inference")


class LoraNotFound(InputError):
    """No adapter of this name or id belongs to the model."""

    code = "lora_not_found"
    status = 404
    internal_code = 3037
    label = "AiError"

    def __init__(self, name: str, *, hint: str = "") -> None:
        super().__init__(f"Finetune {name} not found", hint=hint)


class FinetuneIncomplete(InputError):
    """A finetune is called before both of its files are there. Label and text are those of the developer docs."""

    code = "finetune_incomplete"
    internal_code = 3039
    label = "Finetune missing required files"

    def __init__(self) -> None:
        super().__init__(
            "Finetune is missing required files (model.safetensors and config.json)",
            hint="Upload adapter_config.json and adapter_model.safetensors.",
        )


class FinetuneRefused(InputError):
    """A finetune, or a file of one, that cannot be taken; the text says what was expected and what came."""

    code = "finetune_refused"
    label = "AiError"


class JsonModeStreamed(InputError):
    """JSON mode together with `stream`."""

    code = "json_mode_streamed"
    internal_code = 5023
    label = "AiError"

    def __init__(self) -> None:
        super().__init__("JSON Schema mode is not supported with stream mode")


class JsonModeUnmet(InputError):
    """The model gave no whole document of the JSON Schema, or the engine can make no grammar of it."""

    code = "json_mode_unmet"
    internal_code = 5024
    label = "AiError"

    def __init__(self, *, hint: str = "") -> None:
        # "Model" is what production writes, though its docs spell it "Mode" (WA-075).
        super().__init__("JSON Model couldn't be met", hint=hint)


class InvalidImage(InputError):
    """A picture in a conversation that cannot be read. Source: issue threads of July 2026 about data URIs."""

    code = "invalid_image"
    internal_code = 8006
    label = "AiError"

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(f"Invalid data for image - reason {reason}", hint=hint)


class OptionUnsupported(InputError):
    """An option or input that the schema allows and that Paddock does not honour; the text gives the reason."""

    code = "option_unsupported"
    label = "AiError"


class ModelNotFound(PaddockError):
    """No catalog file has this id. The hint lists the closest ids."""

    code = "model_not_found"
    actor = "user"
    status = 400
    internal_code = 5007
    label = "No such model"

    def __init__(self, model: str, *, hint: str = "") -> None:
        super().__init__(f"No such model {model} or task", hint=hint)


class TaskUnsupported(PaddockError):
    """The model is known, but nothing here can run its task."""

    code = "task_unsupported"
    actor = "user"
    status = 400


class CatalogError(PaddockError):
    """A model file is malformed. `file` and `key` say where; other models are not affected."""

    code = "catalog_error"
    actor = "operator"

    def __init__(self, file: str, key: str, problem: str) -> None:
        where = f"{file}: {key}" if key else file
        super().__init__(f"{where}: {problem}")
        self.file = file
        self.key = key


class WeightsMissing(PaddockError):
    """The model has no weights on this machine and may not be served by its stand-in."""

    code = "weights_missing"
    actor = "operator"
    status = 503


class StateUnavailable(PaddockError):
    """The disk is full, or a database is damaged or locked. `what` is what `paddock state` calls it."""

    code = "state_unavailable"
    actor = "operator"

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(
            f"{what}: what is kept in the state folder cannot be read or written: {error}",
            hint=f"Is the disk full? `paddock state reset --only {what}` begins anew.",
        )


class ConverterMissing(PaddockError):
    """A document needs packages that are not installed. The text says how to install them: some doors show no hint."""

    code = "converter_missing"
    actor = "operator"
    status = 501

    def __init__(self, mime_type: str, packages: Sequence[str], install: str) -> None:
        names = ", ".join(packages)
        super().__init__(f"toMarkdown cannot convert {mime_type}: {names} not installed. Install with: {install}")


class ModelBusy(PaddockError):
    """A model is to be unloaded that somebody uses, or that is pinned."""

    code = "model_busy"
    actor = "user"
    status = 409

    def __init__(self, model: str, calls: int, *, is_pinned: bool) -> None:
        why = f"it has {calls} open call{'' if calls == 1 else 's'}" if calls else "it is pinned"
        super().__init__(
            f"{model} stays loaded: {why}.", hint="Force the unload (--force), which ends open calls with an error."
        )


class EngineError(PaddockError):
    """Something between the service and the engine failed."""

    code = "engine_error"
    actor = "operator"
    status = 500


class EngineOverloaded(EngineError):
    """The queue is full; come back later."""

    code = "engine_overloaded"
    status = 429
    internal_code = 3040
    label = "Out of capacity"
    retryable = True

    def __init__(self) -> None:
        super().__init__("Capacity temporarily exceeded, please try again.")


class EngineUnavailable(EngineError):
    """The engine is not installed or failed to start; the text says why and what to install or change."""

    code = "engine_unavailable"
    status = 503
    retryable = True

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class EngineDead(EngineError):
    """The engine host died while it worked on this call. The next call starts a new one."""

    code = "engine_dead"

    def __init__(self, message: str, *, hint: str = "", was_read: bool = True) -> None:
        super().__init__(message, hint=hint)
        #: False when the host never saw the call, which then may go to another.
        self.was_read = was_read


class FirstTokenTimeout(EngineError):
    """The engine gave no token in the time that `first_token_timeout_s` allows."""

    code = "first_token_timeout"
    status = 408
    internal_code = 3007
    label = "Timeout"
    retryable = True

    def __init__(self) -> None:
        super().__init__("Request timeout", hint="No token came within first_token_timeout_s of [paddock.engine].")


class RunTimeout(EngineError):
    """The answer was not complete in the time that `total_timeout_s` allows."""

    code = "run_timeout"
    status = 408
    internal_code = 3046
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "Request timeout", hint="The answer was not complete within total_timeout_s of [paddock.engine]."
        )
