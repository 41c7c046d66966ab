"""One adapter per task: Cloudflare's inputs and outputs on one side, engine requests and chunks on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.tasks.image_to_text import ImageToText
from paddock.bindings.ai.tasks.rewriting import Summarization, Translation
from paddock.bindings.ai.tasks.speech_recognition import SpeechRecognition
from paddock.bindings.ai.tasks.text_classification import TextClassification
from paddock.bindings.ai.tasks.text_embeddings import TextEmbeddings
from paddock.bindings.ai.tasks.text_generation import TextGeneration

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.tasks.contract import Task

__all__ = ["TASKS", "task_of"]

#: Task name, as in the catalog, to its adapter. A task that is missing here is refused before any work.
TASKS: Final[dict[str, Task]] = {
    "Automatic Speech Recognition": SpeechRecognition(),
    "Image-to-Text": ImageToText(),
    "Summarization": Summarization(),
    "Text Classification": TextClassification(),
    "Text Embeddings": TextEmbeddings(),
    "Text Generation": TextGeneration(),
    "Translation": Translation(),
}


def task_of(card: ModelCard) -> Task | None:
    """The adapter of a model; None where nothing here runs its task."""
    return TASKS.get(card.task.name) if card.task else None
