"""What is taken for the configuration of a handler's file that has none, as `paddock dev handler.py` runs it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paddock.worker.config.files import CONFIG_NAME, ConfigFile, nearest_config, not_found
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

__all__ = ["bare_config", "lone_config"]


def lone_config(script: Path, today: datetime.date) -> ConfigFile | None:
    """What is taken for the configuration of a file; None where there is one, in its folder or above.

    Named after the file, with today's date, which wrangler takes without a word too, and with what every Worker of
    Paddock wants: Python, and the models as `AI`. Its path is where a configuration would be. Raises ConfigError for a
    file that is not there.
    """
    script = script.expanduser().resolve()
    if nearest_config(script.parent) is not None:
        return None
    if not script.is_file():
        text = f'The entry-point file at "{script}" was not found.'
        raise ConfigError([text, not_found(script.parent)])
    return bare_config(script, today)


def bare_config(script: Path, today: datetime.date) -> ConfigFile:
    """What is taken for the configuration of a file, which need not be there, without looking for another."""
    name = re.sub("[^a-z0-9]+", "-", script.stem.lower()).strip("-")
    tables: dict[str, object] = {
        "name": name or "worker",
        "main": script.name,
        "compatibility_date": str(today),
        "compatibility_flags": ["python_workers"],
        "ai": {"binding": "AI"},
    }
    return ConfigFile(script.parent / CONFIG_NAME, "", tables)
