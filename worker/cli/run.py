"""`paddock ai run MODEL PROMPT`: an answer of a model of a running dev server, whatever its task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.cli.arguments import UsageError
from paddock.worker.cli.server import add_server_arguments, connected
from paddock.worker.errors import RequestRefused
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.bindings.ai.card import ModelCard
    from paddock.worker.cli.arguments import Parser
    from paddock.worker.cli.runinputs import Asking

__all__ = ["add_arguments", "run"]

#: Flags that are inputs of the same name.
_FLAGS: Final = ("max_tokens", "temperature", "seed", "lora")


def add_arguments(parser: Parser) -> None:
    """The model, what it is to read, and the inputs that one tries first."""
    add_server_arguments(parser)
    parser.is_intermixed = True
    parser.add_argument("model", metavar="MODEL", help="model id, such as @cf/microsoft/phi-2")
    parser.add_argument(
        "prompt",
        metavar="PROMPT",
        nargs="*",
        help="what it reads: a prompt or a text, several texts to embed, a query and its contexts, "
        "the recording to hear; - reads standard input, a text a line where there may be several",
    )
    parser.add_argument("--file", type=Path, metavar="PATH", help="the picture or the recording")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other input: text, or JSON where the model wants no text; repeatable",
    )
    parser.add_argument("--inputs", metavar="PATH", help="inputs in a JSON file; - reads standard input")
    parser.add_argument("--system", metavar="TEXT", help="a system message before the prompt")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="tokens of the answer at most")
    parser.add_argument("--temperature", type=float, metavar="X", help="0 takes the likeliest token each time")
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same answer")
    parser.add_argument("--lora", metavar="NAME", help="a LoRA adapter of the model")
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON, once it is there")


def run(arguments: Namespace) -> int:
    """Print the answer: text as it comes, other answers when they are there."""
    from paddock.worker.cli.project import open_project
    from paddock.worker.cli.runanswers import print_answer, print_events, print_json
    from paddock.worker.cli.runinputs import Asking

    card = open_project(arguments).catalog.card(arguments.model)
    asking = Asking(card)
    inputs = _inputs(arguments, card, asking)
    with connected(arguments) as client, client.stream("POST", **_request(card, asking, inputs)) as answer:
        if answer.is_error:
            raise RequestRefused(_said(answer.read()))
        if answer.headers["content-type"].startswith("text/event-stream"):
            print_events(answer.iter_lines())
            return ExitCode.OK
        answer.read()
        result = answer.json()["result"]
    if arguments.json:
        print_json(result)
    else:
        print_answer(result, inputs)
    return ExitCode.OK


def _inputs(arguments: Namespace, card: ModelCard, asking: Asking) -> dict[str, Any]:
    """All inputs; of one that is given twice, the last in the order of file, words and flags."""
    from paddock.worker.cli.runinputs import given_inputs

    inputs = given_inputs(arguments.inputs) if arguments.inputs else {}
    picture = arguments.file if asking.takes_parts and asking.file is None else None
    inputs |= asking.of_words(arguments.prompt, arguments.system, picture)
    if arguments.file and picture is None:
        inputs |= asking.of_file(arguments.file)
    for name in _FLAGS:
        if getattr(arguments, name) is not None:
            if not (asking.is_chat or card.declares_input(name)):
                raise UsageError(f"--{name.replace('_', '-')}: {card.name} has no input {name}")
            inputs[name] = getattr(arguments, name)
    for pair in arguments.input:
        inputs |= asking.of_pair(pair)
    asking.check(inputs)
    if arguments.json:
        inputs.pop("stream", None)  # --inputs may have it, and a stream is no JSON
    elif asking.is_chat:
        inputs.setdefault("stream", True)
    return inputs


def _request(card: ModelCard, asking: Asking, inputs: dict[str, Any]) -> dict[str, Any]:
    """A file alone is the body as it is, where the model takes one; else JSON."""
    from paddock.bindings.ai.doors.streamed import takes_bytes

    url = f"/client/v4/accounts/local/ai/run/{card.name}"
    if asking.file is not None and set(inputs) == {asking.file} and takes_bytes(card):
        content = inputs[asking.file]
        if isinstance(content, bytes):
            return {"url": url, "content": content, "headers": {"content-type": "application/octet-stream"}}
    return {"url": url, "json": asking.encoded(inputs)}


def _said(body: bytes) -> str:
    import msgspec

    try:
        return str(msgspec.json.decode(body)["errors"][0]["message"])
    except (msgspec.DecodeError, LookupError, TypeError):
        return body.decode(errors="replace")
