"""Answers with a LoRA adapter, and without it to compare.

curl "localhost:8787/?prompt=Tell+me+about+lighthouses."
"""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

MODEL: Final = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        prompt = parse_qs(urlsplit(request.url).query).get("prompt", ["Tell me about lighthouses."])[0]
        try:
            plain = await self.env.AI.run(MODEL, {"prompt": prompt})
            tuned = await self.env.AI.run(MODEL, {"prompt": prompt, "lora": self.env.ADAPTER})
        except JsException as error:
            return Response.json({"error": str(error)}, status=502)
        return Response.json({"plain": plain["response"], "tuned": tuned["response"]})
