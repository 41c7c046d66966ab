"""Embeddings and scores from servers: what they are asked, and what becomes of their answers."""

import asyncio
import base64
import math
from array import array
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.work import Pooled, Pooling, Work
from paddock.bindings.errors import EngineUnavailable, TextTooLong

EMBEDDINGS, TOKENS, SCORES = "/v1/embeddings", "/pooling", "/v1/score"
OVER = "This model's maximum context length is 512 tokens. However, you requested 902 tokens in total."


def request(work: Work) -> EngineRequest:
    return EngineRequest(SamplingParams(max_tokens=0), work=work, is_whole=True)


def base64_of(*numbers: float) -> str:
    return base64.b64encode(array("f", numbers).tobytes()).decode()


def numbers(pooled: Pooled) -> list[float]:
    return array("f", pooled.data).tolist()


def asked(
    place: Any, wire: SimpleNamespace, work: Work, path: str, answer: object, status: int = 200
) -> tuple[Any, Any]:
    """The chunk of an answer, and the body that was sent."""

    async def main() -> tuple[Any, Any]:
        async with place() as p:
            p.stub.say(path, wire.said(answer, status))
            (chunk,) = await p.ask(request(work))
            return chunk, p.stub.bodies(path)[0]

    return asyncio.run(main())


def test_the_servers_own_pooling_comes_in_base64_and_in_the_order_of_the_texts(
    place: Any, wire: SimpleNamespace
) -> None:
    rows = [{"index": 1, "embedding": base64_of(0, 1)}, {"index": 0, "embedding": base64_of(1, 0)}]
    work = Pooling("embed", ("one", "two"), is_truncated=True)
    chunk, body = asked(place, wire, work, EMBEDDINGS, {"data": rows, "usage": {"prompt_tokens": 7}})
    assert (chunk.result.rows, chunk.result.columns, numbers(chunk.result)) == (2, 2, [1, 0, 0, 1])
    assert (chunk.prompt_tokens, chunk.finish_reason) == (7, "stop")
    assert body == {
        "model": "acme/chat",
        "truncate_prompt_tokens": -1,
        "input": ["one", "two"],
        "encoding_format": "base64",
    }


@pytest.mark.parametrize(("pooling", "wanted"), [("mean", [0.6, 0.8]), ("cls", [1.0, 0.0])])
def test_another_pooling_is_done_here_of_the_vectors_of_all_tokens(
    place: Any, wire: SimpleNamespace, pooling: Any, wanted: list[float]
) -> None:
    """WA-084"""
    answer = {"data": [{"index": 0, "data": [[3.0, 0.0], [0.0, 4.0]]}], "usage": {"prompt_tokens": 2}}
    chunk, body = asked(place, wire, Pooling("embed", ("one",), pooling=pooling), TOKENS, answer)
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(numbers(chunk.result), wanted, strict=True))
    assert (body["task"], body["use_activation"]) == ("token_embed", False)


def test_scores_of_pairs(place: Any, wire: SimpleNamespace) -> None:
    """WA-086"""
    answer = {"data": [{"index": 0, "score": 0.25}, {"index": 1, "score": 0.5}], "usage": {"prompt_tokens": 4}}
    chunk, body = asked(place, wire, Pooling("classify", ("a", "b"), query="q"), SCORES, answer)
    assert (chunk.result.columns, numbers(chunk.result)) == (1, [0.25, 0.5])
    assert (body["text_1"], body["text_2"]) == ("q", ["a", "b"])


@pytest.mark.parametrize(
    ("work", "answer", "status", "error", "text"),
    [
        (Pooling("embed", ("x",)), {"error": {"message": OVER}}, 400, TextTooLong, "Sequence too long: 902 > 100"),
        (Pooling("embed", ("x",)), {"data": []}, 200, EngineUnavailable, "0 rows for 1 texts"),
        (Pooling("embed", ("x",)), {"data": [{"index": 0}]}, 200, EngineUnavailable, "a row has no numbers"),
        (Pooling("embed", ("x",)), {"detail": "Not Found"}, 404, EngineUnavailable, "has no /v1/embeddings"),
    ],
    ids=["too long", "no row", "no numbers", "a server that writes"],
)
def test_what_cannot_be_had_is_an_error_with_the_reason(
    place: Any, wire: SimpleNamespace, work: Work, answer: object, status: int, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        asked(place, wire, work, EMBEDDINGS, answer, status)
