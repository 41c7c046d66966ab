"""The workers of one session of `paddock dev`: their configurations, loaded and compared.

The first one is the primary worker: it gets the requests, and its `[paddock]` table says what the session shares, which
is the catalog, the models, the engines and who may use the REST API. Variables, secrets, bindings and limits are each
worker's own. State is the primary worker's for all of them, so that a namespace with the same id is the same.
Source: wrangler 4.125, `dev` with several configurations. DT-047.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker.config.loading import Overrides, PaddockSettings, load_config
from paddock.worker.debugging import is_inspected, relaxed
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.worker.config.loading import Config
    from paddock.worker.options import DevOptions

__all__ = ["joined", "load_session"]

#: Keys of `[paddock]` that are the session's.
_SHARED: Final = ("api_token", "catalog", "engine", "models", "stand_ins")


def load_session(options: DevOptions) -> tuple[Config, ...]:
    """The configurations, the primary worker's first. Raises ConfigError, also for workers that do not fit together."""
    primary = load_config(options.config, options.env, options.overrides)
    if is_inspected(primary, options):
        primary = relaxed(primary)
    # As in wrangler, flags other than --env are for the primary worker.
    overrides = Overrides(persist_to=primary.state)
    return joined(primary, [load_config(path, options.env, overrides) for path in options.others])


def joined(primary: Config, others: Sequence[Config]) -> tuple[Config, ...]:
    """The configurations of one session. Raises ConfigError for workers that do not fit together."""
    configs = (primary, *(_warned(other, primary) for other in others))
    if problems := [*_name_problems(configs), *_queue_problems(configs)]:
        raise ConfigError(problems, source=", ".join(str(config.path) for config in configs))
    return configs


def _name_problems(configs: Sequence[Config]) -> list[str]:
    places: dict[str, list[str]] = {}
    for config in configs:
        places.setdefault(config.name, []).append(str(config.path))
    return [
        f'Expected every worker of a session to have a name of its own, but "{name}" is in {" and in ".join(paths)}.'
        for name, paths in places.items()
        if len(paths) > 1
    ]


def _queue_problems(configs: Sequence[Config]) -> list[str]:
    """A queue has one consumer. Source: Miniflare, whose texts these are."""
    problems, owners = [], dict[str, str]()
    for config in configs:
        for consumer in config.consumers:
            if (owner := owners.setdefault(consumer.queue, config.name)) != config.name:
                problems.append(
                    f'Multiple consumers defined for queue "{consumer.queue}": "{owner}" and "{config.name}"'
                )
    return problems


def _warned(config: Config, primary: Config) -> Config:
    """The configuration, with a warning about what it says and the session does not heed."""
    ours, theirs, default = config.paddock, primary.paddock, PaddockSettings()
    ignored = [
        name
        for name in _SHARED
        if getattr(ours, name) != getattr(default, name) and getattr(ours, name) != getattr(theirs, name)
    ]
    if not ignored:
        return config
    keys = ", ".join(f'"paddock.{name}"' for name in ignored)
    warning = f"{keys} of the primary worker, {primary.name}, counts in this session; that of {config.name} is ignored."
    return msgspec.structs.replace(config, warnings=(*config.warnings, warning))
