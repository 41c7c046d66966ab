"""Answers questions from documents of yours.

Vectors find the documents that are near to the question; a reranker reads those, and the best go into the prompt.

curl localhost:8787/documents/hay -d "Hay is in the barn behind the house."
curl "localhost:8787/?question=Where+is+the+hay?"

Each document stands in KV with its vector, and a question reads all of them: enough for some dozens.
"""

import json
import math
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from workers import Response, WorkerEntrypoint

EMBEDDINGS: Final = "@cf/baai/bge-base-en-v1.5"
RERANKER: Final = "@cf/baai/bge-reranker-base"
MODEL: Final = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
NEAREST: Final = 8
BEST: Final = 3


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = urlsplit(request.url)
        if request.method == "POST" and url.path.startswith("/documents/"):
            return await self.add(unquote(url.path.removeprefix("/documents/")), (await request.text()).strip())
        question = parse_qs(url.query).get("question", [""])[0]
        if not question:
            return Response.json({"error": "Ask with ?question=..."}, status=400)
        return await self.answer(question)

    async def add(self, name, text):
        if not (name and text):
            return Response.json({"error": "A document needs a name and a text."}, status=400)
        document = {"name": name, "text": text, "vector": await self.vector(text)}
        await self.env.DOCUMENTS.put(name, json.dumps(document))
        return Response(None, status=204)

    async def answer(self, question):
        vector = await self.vector(question)
        names = [key["name"] for key in (await self.env.DOCUMENTS.list())["keys"]]
        documents = [json.loads(text) for name in names if (text := await self.env.DOCUMENTS.get(name))]
        nearest = sorted(documents, key=lambda document: -cosine(vector, document["vector"]))[:NEAREST]
        best = await self.best(question, nearest)
        texts = [document["text"] for document in best]
        prompt = "\n".join(["Answer from these texts alone:", *texts, f"Question: {question}"])
        answer = await self.env.AI.run(MODEL, {"prompt": prompt})
        return Response.json({"answer": answer["response"], "sources": [document["name"] for document in best]})

    async def best(self, question, documents) -> list[dict]:
        """The documents that answer the question best, the best one first."""
        if not documents:
            return []
        found = await self.env.AI.run(
            RERANKER,
            {"query": question, "contexts": [{"text": document["text"]} for document in documents], "top_k": BEST},
        )
        return [documents[row["id"]] for row in found["response"]]

    async def vector(self, text) -> list[float]:
        """768 numbers, near to those of texts that say something similar."""
        result = await self.env.AI.run(EMBEDDINGS, {"text": text})
        return list(result["data"][0])


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))
