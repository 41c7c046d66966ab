"""An AI service over the shipped catalog, two models of later schema stages, and scripted engines."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paddock.bindings.ai.card import ModelCard
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import Weights, find_weights

MakeService = Callable[[ScriptedEngine], AiService]

MODELS = Path(__file__).parent / "models"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.read([SHIPPED_CATALOG])


@pytest.fixture(scope="session")
def later(catalog: Catalog) -> Catalog:
    """The shipped models, and `@cf/test/json-mode` of 2025 and `@cf/test/chat` of 2026."""
    return Catalog.read([MODELS, SHIPPED_CATALOG])


@pytest.fixture
def make_service(catalog: Catalog) -> MakeService:
    def make(engine: ScriptedEngine) -> AiService:
        return AiService(catalog, EnginePool(find_weights, lambda card, weights: engine))

    return make


@pytest.fixture
def make_later_service(later: Catalog) -> MakeService:
    def find(card: ModelCard) -> Weights:
        return find_weights(card) if card.paddock else Weights("/nowhere", "configured")

    def make(engine: ScriptedEngine) -> AiService:
        return AiService(later, EnginePool(find, lambda card, weights: engine))

    return make
