"""`paddock ai run MODEL PROMPT`: an answer of a model of a running dev server, as it comes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from paddock.worker.cli.server import add_server_arguments, connected
from paddock.worker.errors import RequestRefused
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """The model, the prompt, and the inputs that one tries first."""
    add_server_arguments(parser)
    parser.add_argument("model", metavar="MODEL", help="model id, such as @cf/microsoft/phi-2")
    parser.add_argument("prompt", metavar="PROMPT", help="what to ask; - reads standard input")
    parser.add_argument("--system", metavar="TEXT", help="a system message before it")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="tokens of the answer at most")
    parser.add_argument("--temperature", type=float, metavar="X", help="0 takes the likeliest token each time")
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same answer")
    parser.add_argument("--lora", metavar="NAME", help="a LoRA adapter of the model")


def run(arguments: Namespace) -> int:
    """Print the answer. What the model thinks goes to standard error."""
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    messages = [{"role": "system", "content": arguments.system}] if arguments.system else []
    inputs: dict[str, Any] = {"messages": [*messages, {"role": "user", "content": prompt}], "stream": True}
    for name in ("max_tokens", "temperature", "seed", "lora"):
        if getattr(arguments, name) is not None:
            inputs[name] = getattr(arguments, name)
    path = f"/client/v4/accounts/local/ai/run/{arguments.model}"
    with connected(arguments) as client, client.stream("POST", path, json=inputs) as answer:
        if answer.is_error:
            raise RequestRefused(_said(answer.read()))
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                _print(line.removeprefix("data: "))
    print()
    return ExitCode.OK


def _said(body: bytes) -> str:
    import msgspec

    try:
        return str(msgspec.json.decode(body)["errors"][0]["message"])
    except (msgspec.DecodeError, LookupError, TypeError):
        return body.decode(errors="replace")


def _print(data: str) -> None:
    """One frame, in either shape."""
    import msgspec

    frame = msgspec.json.decode(data)
    (choice,) = frame.get("choices") or [{}]
    delta = choice.get("delta") or frame
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    if thought:
        print(thought, end="", file=sys.stderr, flush=True)
    print(delta.get("content") or delta.get("response") or choice.get("text") or "", end="", flush=True)
