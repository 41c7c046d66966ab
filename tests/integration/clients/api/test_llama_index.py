"""LlamaIndex's embeddings of Workers AI."""

import pytest

pytestmark = pytest.mark.clients("llama-index-embeddings-cloudflare-workersai", what="embeddings, refusals")


@pytest.fixture(scope="module")
def llama_index(python_client):
    return python_client("llama_index_embeddings", "llama_index/embeddings/cloudflare_workersai")


def test_a_refusal_raises(llama_index, real) -> None:
    """It looks for `result` alone, and production's failures of the AI service have an empty one."""
    assert llama_index.refusal("embed", url=real, text="ants " * 600).type == "KeyError"


def test_a_text_gets_its_vector(llama_index, real) -> None:
    """WA-082"""
    assert len(llama_index("embed", url=real, text="hi")) == 768
