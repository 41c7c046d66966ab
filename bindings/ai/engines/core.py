"""Where vLLM's engine core runs, and what its scheduler counts: in the host's own process, or in a second one.

In the host it costs no copies and no wake-ups, and is the faster form on a CPU by every measure (tests/bench). In a
process of its own the device's next step begins while the host still turns the last one's tokens into text, which pays
where a step is long and runs on a device.
"""

from __future__ import annotations

import os
from threading import Thread
from typing import Any, NamedTuple, Protocol

from paddock.worker.channel import die_with_parent

__all__ = ["Core", "Counts", "make_core"]


class Counts(NamedTuple):
    """What the scheduler said last. The share of the KV cache that is taken is 0 to 1."""

    running: int = 0
    waiting: int = 0
    kv_cache_usage: float = 0.0


class Core(Protocol):
    """A vLLM `LLMEngine`, and the figures of its scheduler."""

    engine: Any

    def counts(self) -> Counts:
        """As of the last step."""
        ...


def make_core(config: Any, *, in_own_process: bool) -> Core:
    """The engine of this configuration, loaded."""
    if config.device_config.device_type == "cpu":
        _spare_generators()
    return _OwnProcess(config) if in_own_process else _InHost(config)


def _spare_generators() -> None:
    """Let a seeded request of which a step reads only a part of the prompt draw nothing in that step.

    vLLM (0.32) draws a token all the same, throws it away, and winds the request's generator back, which torch's
    generators on the CPU cannot: the engine would end, for everybody, as soon as the prompts of a step are longer than
    a step together and one of them has a seed.
    """
    from vllm.v1.worker.cpu_model_runner import CPUModelRunner

    runner: Any = CPUModelRunner
    sample, end_step = runner._sample, runner._bookkeeping_sync
    if sample.__module__ == __name__:  # it was done for an earlier engine of this process
        return

    def spare(self: Any, *args: Any, **options: Any) -> Any:
        batch = self.input_batch
        unread = self.discard_request_mask.np[: batch.num_reqs].nonzero()[0].tolist()
        self.spared = {place: batch.generators.pop(place) for place in unread if place in batch.generators}
        return sample(self, *args, **options)

    def give_back(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return end_step(self, *args, **options)
        finally:
            self.input_batch.generators.update(self.spared)

    runner._sample, runner._bookkeeping_sync = spare, give_back


class _InHost:
    def __init__(self, config: Any) -> None:
        self.engine = _llm_engine(config, multiprocess_mode=False, log_stats=False, stat_loggers=None)
        self._scheduler = self.engine.engine_core.engine_core.scheduler

    def counts(self) -> Counts:
        scheduler = self._scheduler
        if hasattr(scheduler, "get_request_counts"):
            running, waiting = scheduler.get_request_counts()
        else:
            running, waiting = len(scheduler.running), len(scheduler.waiting)
        return Counts(running, waiting, float(scheduler.kv_cache_manager.usage))


class _OwnProcess:
    """The scheduler's figures come with the outputs of each step."""

    def __init__(self, config: Any) -> None:
        self._latest = Counts()
        # Forked, because everything that it needs is imported here; and nothing may outlive the host.
        os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "fork"
        host_pid = os.getpid()
        os.register_at_fork(after_in_child=lambda: die_with_parent(host_pid))
        loggers = [lambda config, index=0: _recorder(self._record)]
        self.engine = _llm_engine(config, multiprocess_mode=True, log_stats=True, stat_loggers=loggers)
        Thread(target=_end_waits, args=(self.engine.engine_core,), daemon=True).start()

    def counts(self) -> Counts:
        # Nothing is stepped any more once the last request is aborted, and so nothing is said.
        return self._latest if self.engine.has_unfinished_requests() else Counts()

    def _record(self, stats: Any) -> None:
        self._latest = Counts(stats.num_running_reqs, stats.num_waiting_reqs, stats.kv_cache_usage)


def _end_waits(client: Any) -> None:
    """Tell whoever waits for outputs that there will be none: when its process is killed, vLLM (0.32) closes the socket
    and leaves them waiting, until the watchdog takes it for a hang.
    """
    from vllm.v1.engine.exceptions import EngineDeadError

    client.output_queue_thread.join()
    client.outputs_queue.put(EngineDeadError())


def _llm_engine(config: Any, **options: Any) -> Any:
    from vllm.v1.engine.llm_engine import LLMEngine
    from vllm.v1.executor.abstract import Executor

    return LLMEngine(config, Executor.get_class(config), **options)


def _recorder(record: Any) -> Any:
    from vllm.v1.metrics.loggers import StatLoggerBase

    class Recorder(StatLoggerBase):
        def __init__(self) -> None:  # vLLM makes loggers by a factory, which has made this one
            pass

        def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
            if scheduler_stats is not None:
                record(scheduler_stats)

        def log_engine_initialized(self) -> None:
            pass

    return Recorder()
