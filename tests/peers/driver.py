"""Stands before a worker's own main module and calls its handler `test`, as `workerd test` does.

It runs inside the isolate. Above this text the runner writes MAIN, the name of the worker's module, ROOT, the project's
folder, and OTHERS, entrypoints of other workers that this one is bound to: export name -> module and class. Everything
else of the worker is served as it is.
"""

import importlib
import inspect
import os
import traceback

_chdir = os.chdir


def _in_project(path):
    """Production unpacks every worker in one and the same folder, and tests go there by its name."""
    _chdir(str(path).replace("/session/metadata", ROOT))  # noqa: F821 - written above


os.chdir = _in_project
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
os.environ["PYTEST_ADDOPTS"] = f"-p pytest_asyncio.plugin -p no:cacheprovider --junitxml={ROOT}/results.xml"  # noqa: F821

peer = importlib.import_module(MAIN)  # noqa: F821 - written above
from js import Response  # noqa: E402 - the worker's own imports go first


async def _call(function, *arguments):
    try:
        taken = len(inspect.signature(function).parameters)
        has_any = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(function).parameters.values())
        result = function(*(arguments if has_any else arguments[:taken]))
        if inspect.isawaitable(result):
            await result
    except BaseException:
        return Response.new(traceback.format_exc(), status=500)
    return Response.new("passed")


def _wants_test(request):
    return request.headers.get("paddock-peers") == "test"


_BASES = ("WorkerEntrypoint", "DurableObject", "WorkflowEntrypoint")
_entrypoints = {
    name: value
    for name, value in vars(peer).items()
    if isinstance(value, type) and any(base.__name__ in _BASES for base in value.__mro__[1:])
}
globals().update(_entrypoints)
for _name, (_module, _class) in OTHERS.items():  # noqa: F821 - written above
    globals()[_name] = getattr(importlib.import_module(_module), _class)
    globals()[_name].__name__ = _name

if "Default" in _entrypoints:
    _own_fetch = getattr(peer.Default, "fetch", None)

    async def _fetch(self, request, *rest):
        if _wants_test(request):
            return await _call(self.test, None, None, None)
        result = _own_fetch(self, request)
        return await result if inspect.isawaitable(result) else result

    peer.Default.fetch = _fetch
    peer.Default.on_fetch = _fetch
else:

    async def on_fetch(request, env, ctx):
        if _wants_test(request):
            return await _call(peer.test, None, env, ctx)
        result = peer.on_fetch(request, env, ctx)
        return await result if inspect.isawaitable(result) else result
