"""vLLM's OpenAI server in its best form on a CPU: engine core and worker in one process.

The flag for it knows `uni`, which becomes `mp` on a CPU; the class itself is taken as it is.
"""

from __future__ import annotations

import runpy
from typing import Any

if __name__ == "__main__":
    from vllm import AsyncEngineArgs
    from vllm.v1.executor.uniproc_executor import UniProcExecutor

    plain = AsyncEngineArgs.from_cli_args.__func__

    def with_executor(cls: type, args: Any) -> Any:
        made = plain(cls, args)
        made.distributed_executor_backend = UniProcExecutor
        return made

    AsyncEngineArgs.from_cli_args = classmethod(with_executor)
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__")
