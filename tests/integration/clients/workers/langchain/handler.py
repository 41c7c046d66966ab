"""LangChain in a Python Worker: an agent with one tool, over the AI binding."""

from urllib.parse import parse_qs, urlsplit

from langchain_cloudflare import ChatCloudflareWorkersAI
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from workers import Response, WorkerEntrypoint


@tool
def weather(place: str) -> str:
    """The weather in a place."""
    return f"Sunny in {place}."


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        (model,) = parse_qs(urlsplit(request.url).query)["model"]
        llm = ChatCloudflareWorkersAI(model=model, binding=self.env.AI).bind_tools([weather])
        turns = [HumanMessage("What is the weather in Kiel?")]
        turns.append(await llm.ainvoke(turns))
        turns += [await weather.ainvoke(call) for call in turns[-1].tool_calls]
        answer = await llm.ainvoke(turns)
        return Response.json({"text": answer.content, "usage": answer.usage_metadata})
