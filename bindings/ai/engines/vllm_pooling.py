"""vLLM's pooling models behind `steploop.StepEngine`: texts to vectors and scores.

All texts of a request enter vLLM's scheduler at once, and share its batches with those of other requests; the request's
one output comes when the last of them is done. Imports vLLM and torch only in functions, as `host.py` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paddock.bindings.ai.engines.reading import Read
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused, StepOutput
from paddock.bindings.ai.engines.texts import encode_texts, native_tokenizer
from paddock.bindings.ai.engines.vllm_step import VllmStep, priority
from paddock.bindings.ai.engines.work import Pooled, Pooling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.adapters import Slot
    from paddock.bindings.ai.engines.core import Core
    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["VllmPooling", "isometry"]

_READ: Any = Read("")


class _Open(NamedTuple):
    """A request whose texts vLLM has. `rows` are filled in as they come, in any order."""

    work: Pooling
    by_token: bool
    rows: dict[int, Any]


class VllmPooling(VllmStep):
    """A model that reads texts. Adapters and generations it has none of."""

    takes_adapters = False

    def __init__(self, core: Core, settings: EngineSettings) -> None:
        from vllm import PoolingParams

        super().__init__(core)
        self._pooling_params = PoolingParams
        model = self._engine.model_config
        self._limit: int = model.max_model_len
        self._tokenizer = self._engine.renderer.get_tokenizer()
        self._native = native_tokenizer(self._tokenizer)
        self._pooling = settings.pooling
        self._dimensions = settings.dimensions
        self._layout: Any = None
        labels: dict[Any, str] = getattr(model.hf_config, "id2label", None) or {}
        self._labels = tuple(labels[key] for key in sorted(labels, key=int))
        self._open: dict[int, _Open] = {}

    def render(self, add: Add) -> Prompt:
        """As `StepEngine.render`: the tokens of each text."""
        if not isinstance(add.work, Pooling):
            raise RequestRefused("work_off", "reads texts and writes none: it has vectors or scores to give")
        tokens = encode_texts(self._tokenizer, self._native, add.work, self._limit)
        return Prompt(tokens, sum(map(len, tokens)))

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        """As `StepEngine.begin`."""
        work = add.work
        assert isinstance(work, Pooling)  # rendered
        by_token = work.kind == "embed" and work.pooling not in (None, self._pooling)
        self._open[add.id] = _Open(work, by_token, {})
        for index, tokens in enumerate(prompt.tokens):
            params = self._pooling_params(
                task="token_embed" if by_token else work.kind, use_activation=False if by_token else None
            )
            try:
                self._engine.add_request(
                    f"{add.id}.{index}", {"prompt_token_ids": tokens}, params, priority=priority(add)
                )
            except BaseException:
                self._engine.abort_request([f"{add.id}.{earlier}" for earlier in range(index)])
                del self._open[add.id]
                raise

    def abort(self, ids: Sequence[int]) -> None:
        """As `StepEngine.abort`."""
        for id in ids:
            request = self._open.pop(id, None)
            if request is not None:
                self._engine.abort_request([f"{id}.{index}" for index in range(len(request.work.texts))])

    def step(self) -> list[StepOutput]:
        """As `StepEngine.step`: requests whose last text is done."""
        ended: list[StepOutput] = []
        for output in self._engine.step():
            id, _, index = output.request_id.partition(".")
            request = self._open.get(int(id))
            if request is None:
                continue
            request.rows[int(index)] = output.outputs.data
            if len(request.rows) == len(request.work.texts):
                del self._open[int(id)]
                ended.append(StepOutput(int(id), _READ, 0, "stop", 0, result=self._pooled(request)))
        return ended

    def _pooled(self, request: _Open) -> Pooled:
        import torch

        rows = [request.rows[index].float().cpu() for index in range(len(request.rows))]
        if request.by_token:
            rows = [row.mean(0) if request.work.pooling == "mean" else row[0] for row in rows]
        table = torch.stack(rows)
        if request.work.kind == "embed":
            if request.by_token:
                table = torch.nn.functional.normalize(table, dim=1)
            table = self._laid_out(table)
        labels = self._labels if request.work.kind == "classify" and len(self._labels) == table.shape[1] else ()
        return Pooled(table.shape[0], table.shape[1], table.numpy().tobytes(), labels)

    def _laid_out(self, table: Any) -> Any:
        if self._dimensions is None or table.shape[1] >= self._dimensions:
            return table
        if self._layout is None:
            self._layout = isometry(table.shape[1], self._dimensions)
        return table @ self._layout

    def load_adapter(self, slot: Slot) -> None:
        """Never called: this engine takes none."""

    def unload_adapter(self, slot: Slot) -> None:
        """Never called: this engine takes none."""


def isometry(short: int, long: int) -> Any:
    """[short, long], float32: rows of unit length at right angles to each other, always the same ones.

    Vectors that are multiplied with it keep their lengths and the angles between them.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    columns, _ = torch.linalg.qr(torch.randn(long, short, generator=generator))
    return columns.T.contiguous()
