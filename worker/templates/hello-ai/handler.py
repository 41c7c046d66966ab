"""Answers a question with a model.

curl "localhost:8787/?prompt=Who+are+you?"
"""

from urllib.parse import parse_qs, urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        query = parse_qs(urlsplit(request.url).query)
        if "prompt" not in query:
            return Response.json({"error": "Ask with ?prompt=..."}, status=400)
        answer = await self.env.AI.run(
            "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
            {"prompt": query["prompt"][0], "max_tokens": 200},
        )
        return Response.json({"answer": answer["response"]})
