"""The bindings host: every binding of a worker by its name in `env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.bindings.errors import PaddockError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.binding import Binding, FetchRequest, FetchResponse

__all__ = ["BindingsHost"]


class BindingsHost:
    """Where bindings live. Several isolates, old and new, may call it at the same time."""

    def __init__(self, bindings: Mapping[str, Binding]) -> None:
        self._bindings = dict(bindings)

    def kinds(self) -> dict[str, str]:
        """Name in `env` to kind, which picks the stub in the isolate."""
        return {name: binding.kind for name, binding in self._bindings.items()}

    async def fetch(self, name: str, request: FetchRequest) -> FetchResponse:
        """Send a request to a binding. Raises PaddockError when there is none of this name."""
        binding = self._bindings.get(name)
        if binding is None:
            known = ", ".join(sorted(self._bindings)) or "none"
            raise PaddockError(f"expected the name of a binding; got {name!r}; this worker has: {known}")
        return await binding.fetch(request)

    async def close(self) -> None:
        """Close every binding, once the isolates are gone."""
        for binding in self._bindings.values():
            await binding.close()
