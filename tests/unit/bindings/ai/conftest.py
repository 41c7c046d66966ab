"""An AI service over the shipped catalog and scripted engines."""

from collections.abc import Callable

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights

MakeService = Callable[[ScriptedEngine], AiService]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.read([SHIPPED_CATALOG])


@pytest.fixture
def make_service(catalog: Catalog) -> MakeService:
    def make(engine: ScriptedEngine) -> AiService:
        return AiService(catalog, EnginePool(find_weights, lambda card, weights: engine))

    return make
