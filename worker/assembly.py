"""From a Config to the parts that it describes: the AI service, the bindings, the isolate's Start frame."""

from __future__ import annotations

import datetime
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.device import has_nvidia_gpu
from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.hostplan import HostPlan
from paddock.bindings.ai.engines.policy import LifePolicy, parse_keep_alive
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.remote.settings import RemoteSettings
from paddock.bindings.ai.engines.settings import EngineSettings
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.tasks import task_of
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.binding import BindingContext
from paddock.bindings.errors import EngineUnavailable
from paddock.bindings.host import BindingsHost
from paddock.bindings.queues.binding import QueueSettings
from paddock.bindings.queues.broker import Broker, Consumer
from paddock.bindings.registry import binding_class
from paddock.bindings.state import StateFolder
from paddock.worker import wire
from paddock.worker.watchdog import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.forkserver import ForkServer
    from paddock.bindings.ai.engines.protocol import Engine
    from paddock.bindings.ai.weights import Weights
    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.binding import CallRecord
    from paddock.worker.config.loading import Config, Json, KvNamespace, ServiceBinding
    from paddock.worker.config.settings import EngineSettings as ChosenEngine

__all__ = [
    "host_plan",
    "isolate_limits",
    "life_policy",
    "make_assets",
    "make_bindings",
    "make_broker",
    "make_service",
    "make_start",
    "project_catalog",
    "read_catalog",
    "renew_service",
]

#: Folder of a project's own model files, beside its configuration.
_PROJECT_CATALOG: Final = "catalog"


def project_catalog(config: Config) -> Path:
    """The folder of the project's own model files, which need not be there."""
    return Path(config.paddock.catalog) if config.paddock.catalog else config.root / _PROJECT_CATALOG


def read_catalog(config: Config) -> Catalog:
    """The project's model files, and those that Paddock ships behind them."""
    own = project_catalog(config)
    is_wanted = own.is_dir() or config.paddock.catalog is not None
    return Catalog.read([own, SHIPPED_CATALOG] if is_wanted else [SHIPPED_CATALOG])


def host_plan(config: Config, *, gpu: bool) -> HostPlan:
    """How the hosts of this project run: vLLM reads its batch-invariant mode when it is imported."""
    engine = config.paddock.engine
    is_invariant = engine.deterministic and engine.device != "cpu" and gpu
    return HostPlan(environment={"VLLM_BATCH_INVARIANT": "1"} if is_invariant else {})


def make_service(
    config: Config, forkserver: ForkServer | None, on_end: Callable[[CallRecord], None] | None = None
) -> AiService:
    """The AI service. Without a fork server every call of a model that runs here fails: the engine is switched off."""
    policy = life_policy(config.paddock.engine)
    pool = EnginePool(_finder(config), _engine_maker(config, forkserver), policy, plan=_planner(config))
    return AiService(read_catalog(config), pool, _adapters(config), on_end, StateFolder(config.state))


def renew_service(
    service: AiService, before: Config, config: Config, forkserver: ForkServer | None, catalog: Catalog
) -> list[str]:
    """Have the service go by another configuration and catalog. Engines stay where nothing of theirs has changed.

    Returns the models whose engines leave, with their last call. Raises WeightsMissing for one that is pinned now.
    """
    service.renew(catalog, _adapters(config))
    make, policy = _engine_maker(config, forkserver), life_policy(config.paddock.engine)
    gone = service.engines.renew(_finder(config), make, _planner(config), policy, catalog.by_name())
    was, now = ({name for name, model in c.paddock.models.items() if model.pinned} for c in (before, config))
    for name, card in catalog.by_name().items():
        if name in now and (name not in was or name in gone):
            service.engines.pin(card)
        elif name in was - now and (life := service.engines.life(card)) is not None:
            life.pin(is_pinned=False)
    return gone


def _adapters(config: Config) -> dict[str, dict[str, str]]:
    return {name: model.lora for name, model in config.paddock.models.items()}


def _finder(config: Config) -> Callable[[ModelCard], Weights]:
    def find(card: ModelCard) -> Weights:
        model = config.paddock.models.get(card.name)
        servers = config.paddock.servers(card.name)
        return find_weights(card, model.weights if model else None, stand_ins=config.paddock.stand_ins, servers=servers)

    return find


def life_policy(chosen: ChosenEngine) -> LifePolicy:
    """How long models stay, and how long calls wait."""
    most = chosen.max_loaded
    if most is None and chosen.device != "cpu" and has_nvidia_gpu() and chosen.gpu_memory_utilization is None:
        most = 1  # vLLM takes nine tenths of the GPU for one model
    return LifePolicy(
        keep_alive_s=parse_keep_alive(chosen.keep_alive),
        sleep_after_s=None if chosen.sleep_after is None else parse_keep_alive(chosen.sleep_after),
        max_loaded=most,
        concurrency=chosen.concurrency,
        on_cold=chosen.on_cold,
        queue_timeout_s=chosen.queue_timeout_s,
        first_token_timeout_s=chosen.first_token_timeout_s,
        total_timeout_s=chosen.total_timeout_s,
    )


def make_assets(config: Config) -> AssetsBinding | None:
    """The static assets, when the configuration has some: clients reach them with and without a binding."""
    if config.assets is None:
        return None
    from paddock.bindings.assets.binding import AssetsBinding  # most have none

    return AssetsBinding(config.assets.settings)


def make_broker(*configs: Config) -> Broker:
    """The queues that these workers consume."""
    consumers = (consumer for config in configs for consumer in config.consumers)
    return Broker(msgspec.convert(consumer, Consumer, from_attributes=True) for consumer in consumers)


def make_bindings(config: Config, service: AiService, broker: Broker) -> BindingsHost:
    """Every binding that the configuration names, but for those that lead to workers."""
    context = BindingContext(service, config.paddock.max_body_bytes, StateFolder(config.state), broker)
    chosen: list[tuple[str, str, object]] = [(config.ai, "ai", None)] if config.ai else []
    if config.assets is not None and config.assets.binding:
        chosen.append((config.assets.binding, "assets", config.assets.settings))
    chosen += [(namespace.binding, "kv", _kv_settings(namespace)) for namespace in config.kv_namespaces]
    chosen += [
        (producer.binding, "queue", QueueSettings(producer.queue, producer.delivery_delay))
        for producer in config.producers
    ]
    chosen += [(resource.binding, resource.kind, resource.settings) for resource in config.resources]
    return BindingsHost(
        {
            name: binding_class(kind).open(msgspec.structs.replace(context, settings=settings))
            for name, kind, settings in chosen
        }
    )


def _kv_settings(namespace: KvNamespace) -> object:
    from paddock.bindings.kv.binding import KvSettings  # most have no such binding

    return KvSettings(namespace.id)


def make_start(config: Config, bindings: BindingsHost, session: Collection[str] = ()) -> wire.Start:
    """The first frame of an isolate of this worker; `session` has the names of the workers that run."""
    strings = {name: value for name, value in config.vars.items() if isinstance(value, str)}
    others: dict[str, Json] = {name: value for name, value in config.vars.items() if not isinstance(value, str)}
    if config.version_metadata:
        others[config.version_metadata] = _version()
    return wire.Start(
        is_traced=any(name in session for name in config.tail_consumers),
        protocol=wire.PROTOCOL,
        main=str(config.main),
        worker=config.name,
        strings=strings,
        json={name: msgspec.json.encode(value).decode() for name, value in others.items()},
        bindings=tuple(wire.BindingSpec(name, kind) for name, kind in bindings.kinds().items()),
        compatibility_date=config.compatibility_date.isoformat(),
        flags=tuple(sorted(config.compatibility_flags)),
        wait_until_s=config.paddock.wait_until_s,
        root=str(config.root),
        is_strict=config.paddock.strict,
        services=tuple(_service(config, service, session) for service in config.services),
        cpu_ms=config.limits.cpu_ms,
        secret_names=tuple(sorted(config.secret_names)),
    )


def isolate_limits(config: Config) -> Limits:
    """What one isolate of this worker may use."""
    return Limits(
        cpu_ms=config.limits.cpu_ms,
        memory_mb=config.paddock.memory_mb,
        startup_cpu_ms=config.paddock.startup_cpu_ms,
        loop_s=config.paddock.cpu_limit_s,
        subrequests=config.limits.subrequests,
    )


def _version() -> Json:
    """What `version_metadata` tells: every start of the server is a version, without a tag. Source: Miniflare."""
    now = datetime.datetime.now(datetime.UTC)
    timestamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": str(uuid.uuid4()), "tag": "", "timestamp": timestamp}


def _service(config: Config, service: ServiceBinding, session: Collection[str]) -> wire.ServiceSpec:
    is_own = service.service == config.name
    is_connected = not is_own and service.service in session
    props = msgspec.json.encode(service.props).decode()
    return wire.ServiceSpec(service.binding, service.service, service.entrypoint, is_own, props, is_connected)


def _engine_maker(config: Config, forkserver: ForkServer | None) -> Callable[[ModelCard, Weights], Engine]:
    plan = _planner(config)

    def make(card: ModelCard, weights: Weights) -> Engine:
        settings = plan(card, weights)
        if isinstance(settings, RemoteSettings):
            from paddock.bindings.ai.engines.remote.engine import RemoteEngine  # most have no such server

            return RemoteEngine(settings, config.paddock.engine.remote_key)
        if forkserver is None:
            raise EngineUnavailable("The engine is switched off.", hint='Set [paddock.engine] kind = "vllm".')
        return EmbeddedEngine(settings, forkserver)

    return make


def _planner(config: Config) -> Callable[[ModelCard, Weights], EngineSettings | RemoteSettings]:
    """What a model's engine runs by: two that are equal need no other engine."""

    def plan(card: ModelCard, weights: Weights) -> EngineSettings | RemoteSettings:
        return _remote(config, card, weights) if weights.servers else _embedded(config, card, weights)

    return plan


def _embedded(config: Config, card: ModelCard, weights: Weights) -> EngineSettings:
    chosen, model = config.paddock.engine, config.paddock.models.get(card.name)
    context = (model and model.max_model_len) or chosen.max_model_len
    known = card.paddock.context_tokens if card.paddock else None
    task = task_of(card)
    return EngineSettings(
        model_path=str(weights.path),
        served_name=card.name,
        runner=task.runner if task else "generate",
        pooling=card.paddock.pooling if card.paddock else None,
        dimensions=card.paddock.dimensions if card.paddock and weights.is_stand_in else None,
        dtype=(model and model.dtype) or chosen.dtype,
        device=chosen.device,
        max_model_len=min(filter(None, (context, known)), default=None),
        max_num_seqs=chosen.max_num_seqs,
        max_open_requests=chosen.max_num_seqs + chosen.max_queue,
        kv_cache_bytes=chosen.kv_cache_bytes,
        gpu_memory_utilization=chosen.gpu_memory_utilization,
        enforce_eager=chosen.enforce_eager,
        deterministic=chosen.deterministic,
        core_process=chosen.core_process,
        chat_template=card.paddock.chat_template if card.paddock else None,
        tool_parser=card.paddock.tool_parser if card.paddock else None,
        reasoning_parser=card.paddock.reasoning_parser if card.paddock else None,
        enable_lora=card.takes_lora,
        enable_sleep=chosen.sleep_after is not None,
        load_timeout_s=chosen.load_timeout_s,
        stall_timeout_s=chosen.stall_timeout_s,
    )


def _remote(config: Config, card: ModelCard, weights: Weights) -> RemoteSettings:
    chosen, model = config.paddock.engine, config.paddock.models.get(card.name)
    context = (model and model.max_model_len) or chosen.max_model_len
    known = card.paddock.context_tokens if card.paddock else None
    return RemoteSettings(
        model=card.name,
        urls=weights.servers,
        remote_model=model.remote_model if model else None,
        repository=card.paddock.repository if card.paddock else None,
        labels=card.paddock.labels if card.paddock else (),
        context_tokens=min(filter(None, (context, known)), default=None),
        max_open_requests=chosen.max_num_seqs * len(weights.servers) + chosen.max_queue,
    )
