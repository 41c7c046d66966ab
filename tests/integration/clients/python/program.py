"""Runs a client: `python program.py CLIENT` imports the module once, and answers calls on standard input.

A call is a line of JSON, `{"name": ..., "arguments": {...}}`, and so is its answer: `{"value": ...}` or
`{"error": ...}`, as `describe` has it.
"""

import asyncio
import importlib
import inspect
import json
import sys


def describe(error):
    """What a user of the client sees of an exception."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    code, body = getattr(error, "code", None), getattr(response, "text", None)
    for item in getattr(error, "errors", [])[:1]:  # Cloudflare's SDK keeps them all
        code = item.code
    return {"type": type(error).__name__, "status": status, "message": str(error), "code": code, "body": body}


def answer(call, arguments):
    """What the call gives, or the exception that it raises."""
    try:
        value = call(**arguments)
        return {"value": asyncio.run(value) if inspect.isawaitable(value) else value}
    except Exception as error:
        return {"error": describe(error)}


def main():
    """Answer calls until standard input ends. What the client prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    client = importlib.import_module(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(answer(getattr(client, asked["name"]), asked["arguments"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
