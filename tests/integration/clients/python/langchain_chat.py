"""LangChain with Cloudflare's own package for it. `url` is Paddock's address in every call."""

from langchain_cloudflare import ChatCloudflareWorkersAI, CloudflareWorkersAIEmbeddings
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel

QUESTION = "Tell me about lighthouses."
WEATHER = "What is the weather in Kiel?"
TURNS = [SystemMessage("You are a keeper."), HumanMessage(QUESTION)]


@tool
def weather(place: str) -> str:
    """The weather in a place."""
    return f"Sunny in {place}."


class Harbour(BaseModel):
    """A harbour."""

    name: str
    berths: int


def chat(url, model, endpoint_format, **settings):
    return ChatCloudflareWorkersAI(
        model=model,
        base_url=f"{url}/client/v4",
        account_id="a",
        api_token="any",
        endpoint_format=endpoint_format,
        temperature=0,
        model_kwargs={"seed": 1},
        **settings,
    )


def invoke(**which):
    answer = chat(**which).invoke(TURNS)
    return {"text": answer.content, "usage": answer.usage_metadata, "metadata": answer.response_metadata}


def stream(**which):
    return [chunk.content for chunk in chat(**which).stream(TURNS)]


async def astream(**which):
    return [chunk.content async for chunk in chat(**which).astream(TURNS)]


def converse(**which):
    turns = [HumanMessage("Hello."), AIMessage("Hello to you."), HumanMessage(QUESTION)]
    return chat(**which).invoke(turns).content


def batch(count, **which):
    return [answer.content for answer in chat(**which).batch([QUESTION] * count, config={"max_concurrency": count})]


async def leave(**which):
    async for chunk in chat(**which).astream(QUESTION):
        if chunk.content:
            return chunk.content


def document(method, **which):
    return chat(**which).with_structured_output(Harbour, method=method).invoke(QUESTION).model_dump()


def call(tool_choice=None, **which):
    answer = chat(**which).bind_tools([weather], tool_choice=tool_choice).invoke(WEATHER)
    return {
        "text": answer.content,
        "calls": [{"name": call["name"], "args": call["args"]} for call in answer.tool_calls],
    }


def act(**which):
    """What an agent does: ask, run the tools, and ask again with what they gave."""
    model = chat(**which).bind_tools([weather])
    turns = [HumanMessage(WEATHER)]
    turns.append(model.invoke(turns))
    turns += [weather.invoke(call) for call in turns[-1].tool_calls]
    return model.invoke(turns).content


def stream_calls(**which):
    whole = None
    for chunk in chat(**which).bind_tools([weather]).stream(WEATHER):
        whole = chunk if whole is None else whole + chunk
    return whole.tool_calls


def think(**which):
    return chat(**which).invoke(QUESTION).content


def embed(url):
    embeddings = CloudflareWorkersAIEmbeddings(
        api_base_url=f"{url}/client/v4/accounts", account_id="a", api_token="any"
    )
    return embeddings.embed_query("hi")
