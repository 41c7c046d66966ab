"""What the fork server imports before it forks, so that no host has to.

Measured, not guessed: `sys.modules` before and after an engine was made for each catalog model, kept to names of vLLM,
transformers and compressed-tensors (the modules of the rest come with them; importing every name ever seen broke the
process). A name that another vLLM version does not have is skipped and reported in the fork server's first frame; a
test checks each against the installed version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.device import Build

__all__ = ["CPU_MODULES", "CUDA_MODULES", "SHARED_MODULES", "modules_for"]

SHARED_MODULES: tuple[str, ...] = (
    "paddock.bindings.ai.engines.host",
    "vllm.v1.engine.llm_engine",
    "vllm.v1.engine.core",
    "vllm.v1.executor.uniproc_executor",
    "vllm.v1.core.sched.scheduler",
    "vllm.v1.core.kv_cache_manager",
    "vllm.v1.pool.flash_maxsim",
    "vllm.renderers.hf",
    "vllm.transformers_utils.chat_templates.registry",
    "vllm.triton_utils.dispatcher",
    "vllm.distributed.elastic_ep.elastic_execute",
    "vllm.lora.resolver",
    "vllm.plugins.lora_resolvers.filesystem_resolver",
    "vllm.plugins.lora_resolvers.hf_hub_resolver",
    "vllm.model_executor.layers.quantization.compressed_tensors.utils",
    "vllm.model_executor.layers.quantization.online.base",
    "vllm.model_executor.models.llama",
    "vllm.model_executor.models.mistral",
    "vllm.model_executor.models.transformers",
    "compressed_tensors",
    "transformers.file_utils",
    "transformers.models.mistral.configuration_mistral",
    "transformers.models.phi.configuration_phi",
    "transformers.models.phi.modeling_phi",
)
CPU_MODULES: tuple[str, ...] = (
    "vllm.v1.worker.cpu_worker",
    "vllm.v1.attention.backends.cpu_attn",
    "vllm.v1.attention.backends.zentorch_sdpa",
    "vllm.utils.cpu_triton_utils",
    "vllm.lora.ops.torch_ops.lora_ops",
    "vllm.lora.punica_wrapper.punica_cpu",
)
CUDA_MODULES: tuple[str, ...] = (
    "vllm.v1.worker.gpu_worker",
    "vllm.v1.attention.backends.flash_attn",
    "vllm.lora.punica_wrapper.punica_gpu",
)


def modules_for(build: Build) -> tuple[str, ...]:
    """The modules that hosts of this build need."""
    return SHARED_MODULES + (CPU_MODULES if build == "cpu" else CUDA_MODULES)
