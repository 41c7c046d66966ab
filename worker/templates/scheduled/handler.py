"""Collects notes by day, and has a model sum them up every morning.

curl localhost:8787/notes -d "Bought hay."                         a note
curl "localhost:8787/cdn-cgi/local/scheduled?cron=0+6+*+*+*"       the morning
curl localhost:8787/                                               the summary
"""

from typing import Final
from urllib.parse import urlsplit

from workers import Response, WorkerEntrypoint

MODEL: Final = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
SUMMARY: Final = "summary"


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.method == "POST" and urlsplit(request.url).path == "/notes":
            notes = await self.env.NOTES.get("notes")
            await self.env.NOTES.put("notes", "\n".join(filter(None, [notes, (await request.text()).strip()])))
            return Response(None, status=204)
        summary = await self.env.NOTES.get(SUMMARY)
        return Response(summary or "Nothing yet.")

    async def scheduled(self, controller, env, ctx):
        notes = await self.env.NOTES.get("notes")
        if notes is None:
            return
        answer = await self.env.AI.run(MODEL, {"prompt": f"Sum up these notes in a sentence:\n{notes}"})
        await self.env.NOTES.put(SUMMARY, answer["response"])
        await self.env.NOTES.delete("notes")
