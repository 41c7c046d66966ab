"""The AI binding: `[ai] binding = "AI"` in the configuration, `env.AI` in the handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from paddock.bindings.ai.doors import wire

if TYPE_CHECKING:
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import BindingContext, FetchRequest, FetchResponse

__all__ = ["AiBinding"]


class AiBinding:
    """Speaks the wire of workerd's own AI binding."""

    kind: ClassVar[str] = "ai"

    def __init__(self, service: AiService, body_limit_bytes: int) -> None:
        self._service = service
        self._body_limit_bytes = body_limit_bytes

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The AI binding of one worker; all workers share one service."""
        return cls(context.ai, context.body_limit_bytes)

    async def close(self) -> None:
        """The service belongs to the server."""

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Answer one request; failures are answers too, in the binding's own error body."""
        return await wire.answer(self._service, request, self._body_limit_bytes)
