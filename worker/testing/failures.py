"""Production's errors by their numbers, as `ai.fail(3040)` and its kin raise them.

Source: developer docs, "Errors"; captured replies, for the texts that these show otherwise; WA-132.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from paddock.bindings.errors import EngineError, PaddockError

__all__ = ["CODES", "QUEUE_FULL", "error_for"]

#: The docs' text of 3040. Captured replies have the other one, which is that of a fault without a message.
QUEUE_FULL: Final = "No more data centers to forward the request to"
_NEURONS: Final = (
    "you have used up your daily free allocation of 10,000 neurons, please upgrade to Cloudflare's Workers Paid plan "
    "if you would like to continue usage."
)
_LICENCE: Final = "User has not agreed to Llama3.2 model terms"


class _Known(NamedTuple):
    status: int
    #: The words between `AiError: ` and the description in a full message.
    label: str
    #: Empty where it says something of the call that only the test knows.
    text: str = ""


_OTHER: Final = "AiError"
_PRIVATE: Final = _Known(
    403, "Account not allowed for private model", "The account is not allowed to access this model"
)
_OVERFLOW: Final = (
    "The estimated number of input and maximum output tokens (8448) exceeded this model context window limit (8192)"
)
#: Numbers to what clients see of them.
CODES: Final = {
    1000: _Known(500, _OTHER, "Error: Network connection lost."),
    3003: _Known(400, "Incomplete request"),
    3006: _Known(413, "Request too large", "Request is too large"),
    3007: _Known(408, "Timeout", "Request timeout"),
    3008: _Known(408, "Aborted", "Request was aborted"),
    3010: _Known(413, _OTHER, _OVERFLOW),
    3021: _Known(429, _OTHER, "rate limiting: inference request per min rate reached"),
    3023: _Known(403, "Account blocked", "Service unavailable for account"),
    3030: _Known(400, _OTHER),
    3036: _Known(429, "Account limited", _NEURONS.replace("you have", "You have").replace(", please", ". Please")),
    3037: _Known(404, _OTHER),
    3039: _Known(
        400,
        "Finetune missing required files",
        "Finetune is missing required files (model.safetensors and config.json)",
    ),
    3040: _Known(429, "Out of capacity", "Capacity temporarily exceeded, please try again."),
    3041: _PRIVATE,
    3042: _Known(404, "Invalid model ID", "The model name is invalid"),
    3046: _Known(408, _OTHER, "Request timeout"),
    4006: _Known(429, _OTHER, _NEURONS),
    5004: _Known(400, "Invalid data"),
    5005: _Known(405, "LoRa unsupported", "The model {model} does not support LoRa inference"),
    5006: _Known(400, "Bad input"),
    5007: _Known(400, "No such model", "No such model {model} or task"),
    5012: _Known(422, _OTHER),
    5016: _Known(403, "Model Agreement", _LICENCE),
    5018: _PRIVATE,
    5019: _Known(405, "Deprecated SDK version", "Request trying to use deprecated SDK version"),
    5021: _Known(413, _OTHER, _OVERFLOW),
    5023: _Known(400, _OTHER, "JSON Schema mode is not supported with stream mode"),
    5024: _Known(400, _OTHER, "JSON Model couldn't be met"),
    5035: _Known(403, _OTHER, "Model {model} is not available on the Workers Free plan"),
}


def error_for(code: int, message: str = "", status: int | None = None, model: str = "") -> PaddockError:
    """The error of a number of production's, for a call of a model, with its own words unless a message is given.

    Raises ValueError for a number that has no words of its own.
    """
    known = CODES.get(code, _Known(500, _OTHER))
    if not (message or known.text):
        own = ", ".join(str(number) for number, one in CODES.items() if one.text)
        raise ValueError(f"{code}: expected a message with it; numbers with words of their own: {own}")
    kind = next((kind for kind in _children(PaddockError) if kind.internal_code == code != 1000), EngineError)
    error: PaddockError = kind.__new__(kind)  # of the same class as ours, whatever that is made from
    PaddockError.__init__(error, message or known.text.replace("{model}", model))
    error.internal_code = code  # type: ignore[misc]  # of this one error
    error.status = status or known.status  # type: ignore[misc]  # as above
    error.label = known.label  # type: ignore[misc]  # as above
    return error


def _children(kind: type[PaddockError]) -> list[type[PaddockError]]:
    return [found for child in kind.__subclasses__() for found in (child, *_children(child))]
