"""The `pyodide` package of isolates: its version follows the handler's compatibility date."""

from typing import Final

from paddock.worker.isolate.web import era

__version__: Final = era.current().pyodide_version
