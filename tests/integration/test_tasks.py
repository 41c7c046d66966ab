"""Tasks that write no text through the doors over real HTTP, with results that are made up."""

import asyncio

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.engines.work import Listening

EMBED = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        result = await self.env.AI.run("@cf/baai/bge-base-en-v1.5", {"text": ["one", "two"]})
        number = result.data[0][0]
        return Response.json({
            "is_float": isinstance(number, float), "shape": result.shape, "is_list": isinstance(result.shape, list),
            "same": result["data"][0][0] == number, "pooling": result.pooling,
        })
"""
LISTEN = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        audio = {"body": request.js_object.body, "contentType": "audio/wav"}
        return Response.json(await self.env.AI.run("@cf/openai/whisper", {"audio": audio}))
"""
ACCOUNT = "/client/v4/accounts/a/ai"


def test_a_handler_reads_numbers_and_shape(serve) -> None:
    """PW-137"""

    async def run() -> None:
        async with serve(EMBED, ScriptedEngine()) as running:
            seen = (await running.client.get("/")).json()
            assert seen == {"is_float": True, "shape": [2, 768], "is_list": True, "same": True, "pooling": "mean"}

    asyncio.run(run())


def test_rest_and_openais_door_give_the_same_vectors(serve) -> None:
    """WA-082, WA-083, WA-128"""

    async def run() -> None:
        async with serve(EMBED, ScriptedEngine()) as running:
            model = "@cf/baai/bge-base-en-v1.5"
            native = await running.client.post(f"{ACCOUNT}/run/{model}", json={"text": ["one", "two"]})
            openai = await running.client.post(
                f"{ACCOUNT}/v1/embeddings", json={"model": model, "input": ["one", "two"]}
            )
            result = native.json()["result"]
            assert (result["shape"], native.json()["success"]) == ([2, 768], True)
            assert [item["embedding"] for item in openai.json()["data"]] == result["data"]
            assert float(native.headers["cf-ai-neurons"]) > 0

    asyncio.run(run())


def test_a_recording_goes_from_the_client_through_a_handler_as_a_stream(serve) -> None:
    """WA-088, WA-100"""

    async def run() -> None:
        engine = ScriptedEngine()
        async with serve(LISTEN, engine) as running:
            sound = bytes(range(256)) * 8
            answer = (await running.client.post("/", content=sound)).json()
            assert (answer["word_count"], answer["text"]) == (2, "word0 word1")
            work = engine.requests[0].work
            assert isinstance(work, Listening)
            assert work.audio == sound

    asyncio.run(run())
