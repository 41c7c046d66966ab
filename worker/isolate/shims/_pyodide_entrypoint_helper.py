"""What the official SDK asks the runtime for: the `cloudflare:` modules, imports of JavaScript, and env patches.

Source: workers-runtime-sdk, `_pyodide_entrypoint_helper.pyi` and its callers. PW-035, PW-037, PW-038, PW-123.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.jsmodules import MODULES
from paddock.worker.isolate.mail import EmailMessage
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.jsonvalue import own_members
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish
from paddock.worker.isolate.web.promise import Promise, start

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = [
    "cloudflareSocketsModule", "cloudflareWorkersModule", "doAnImport", "install", "patchWaitUntil", "patch_env_helper",
]  # fmt: skip


class _WorkersModule(JsProxy):
    """`cloudflare:workers`."""

    _js_name = "Module"

    def __init__(self) -> None:
        self._env: JsProxy = JsObject()
        self._wait_until: Callable[[object], object] | None = None
        #: What stands over the environment inside `withEnv` and `patch_env`, for one task and those it starts.
        self._patched: ContextVar[JsProxy | None] = ContextVar("patched_env", default=None)

    @property
    def env(self) -> JsProxy:
        """The environment; readable at module level too."""
        return self._patched.get() or self._env

    def waitUntil(self, work: object) -> None:
        """Keep work alive past the response of the running event."""
        if self._wait_until is None:
            raise JsException("Error", "waitUntil: there is no event to extend")
        self._wait_until(work)

    def withEnv(self, env: JsProxy, function: Callable[[], object]) -> object:
        """Call a function for which, and for what it starts, the environment is another one."""

        def call() -> object:
            self._patched.set(env)
            result = function()
            return start(result) if inspect.iscoroutine(result) else result

        return copy_context().run(call)


class _SocketsModule(JsProxy):
    """`cloudflare:sockets`."""

    _js_name = "Module"

    def connect(self, *_arguments: object) -> None:
        raise JsException("Error", "connect: TCP sockets are not available in Paddock; use fetch, or a Python client")


cloudflareWorkersModule: Final = _WorkersModule()
cloudflareSocketsModule: Final = _SocketsModule()

_MODULES: Final[dict[str, JsProxy]] = {
    "cloudflare:workers": cloudflareWorkersModule,
    "cloudflare:sockets": cloudflareSocketsModule,
    "cloudflare:email": JsObject({"EmailMessage": EmailMessage}),
    **MODULES,
}


def install(env: JsProxy, wait_until: Callable[[object], object] | None = None) -> None:
    """Set the environment and what extends the running event; once, before the handler is imported."""
    cloudflareWorkersModule._env = env
    cloudflareWorkersModule._wait_until = wait_until


def doAnImport(module_name: str) -> Promise[object]:
    """A promise for a JavaScript module, settled already. Rejects for a name that is none."""
    if module_name in _MODULES:
        return Promise.resolve(_MODULES[module_name])
    return Promise.reject(JsException("Error", f'No such module "{module_name}".'))


def patchWaitUntil(ctx: object) -> None:
    """Make `ctx.waitUntil` take Python's awaitables. Ours takes them as it is."""


def patch_env_helper(members: JsProxy) -> Generator[None, None, None]:
    """Change the environment until the generator goes on: the given members over the present ones."""
    changes = {} if is_nullish(members) else members.to_py(depth=1)
    assert isinstance(changes, dict), "the SDK passes an Object or a Map"
    patched = JsObject({**own_members(cloudflareWorkersModule.env), **changes})
    token = cloudflareWorkersModule._patched.set(patched)
    try:
        yield
    finally:
        cloudflareWorkersModule._patched.reset(token)
