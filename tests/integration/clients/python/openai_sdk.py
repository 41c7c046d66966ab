"""OpenAI's SDK for Python. `url` is Paddock's address in every call."""

import asyncio
from enum import StrEnum

from openai import AsyncOpenAI, OpenAI, pydantic_function_tool
from pydantic import BaseModel

QUESTION = [{"role": "user", "content": "Tell me about lighthouses."}]
WEATHER = [{"role": "user", "content": "What is the weather in Kiel?"}]


class Port(StrEnum):
    KIEL = "Kiel"
    BERGEN = "Bergen"


class Harbour(BaseModel):
    name: Port
    is_open: bool


def client(url):
    return OpenAI(base_url=f"{url}/client/v4/accounts/a/ai/v1", api_key="any", max_retries=0)


def chat(url, **given):
    given = {"messages": QUESTION, "temperature": 0, **given}
    return client(url).chat.completions.create(**given).model_dump()


def stream_chat(url, **given):
    given = {"messages": QUESTION, "temperature": 0, "stream_options": {"include_usage": True}, **given}
    return [chunk.model_dump() for chunk in client(url).chat.completions.create(stream=True, **given)]


def gather(url, **given):
    """The SDK's own gathering of a stream."""
    with client(url).chat.completions.stream(messages=QUESTION, temperature=0, **given) as stream:
        return stream.get_final_completion().choices[0].message.content


def parse(url, **given):
    answer = client(url).chat.completions.parse(messages=QUESTION, response_format=Harbour, **given)
    return answer.choices[0].message.parsed.model_dump()


def parse_response(url, **given):
    return client(url).responses.parse(input=QUESTION, text_format=Harbour, **given).output_parsed.model_dump()


def complete(url, **given):
    return client(url).completions.create(prompt="Tell me about lighthouses.", temperature=0, **given).choices[0].text


def stream_complete(url, **given):
    chunks = client(url).completions.create(prompt="Tell me about lighthouses.", temperature=0, stream=True, **given)
    return "".join(chunk.choices[0].text for chunk in chunks)


def respond(url, **given):
    answer = client(url).responses.create(input=QUESTION, temperature=0, **given)
    return {"text": answer.output_text, "usage": answer.usage.model_dump()}


def stream_respond(url, **given):
    with client(url).responses.stream(input=QUESTION, temperature=0, **given) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        answer = stream.get_final_response()
    return {"deltas": deltas, "text": answer.output_text, "usage": answer.usage.model_dump()}


class Weather(BaseModel):
    """The weather in a place."""

    place: Port


def call(url, **given):
    """A call whose arguments the SDK has parsed."""
    answer = client(url).chat.completions.parse(
        messages=WEATHER, temperature=0, tools=[pydantic_function_tool(Weather)], **given
    )
    choice = answer.choices[0]
    calls = [(call.function.name, call.function.parsed_arguments.model_dump()) for call in choice.message.tool_calls]
    return {"finish_reason": choice.finish_reason, "calls": calls}


def stream_call(url, **given):
    """The same of a stream, gathered by the SDK."""
    tools = [pydantic_function_tool(Weather)]
    with client(url).chat.completions.stream(messages=WEATHER, temperature=0, tools=tools, **given) as stream:
        pieces = [event.arguments_delta for event in stream if event.type == "tool_calls.function.arguments.delta"]
        choice = stream.get_final_completion().choices[0]
    calls = [(call.function.name, call.function.parsed_arguments.model_dump()) for call in choice.message.tool_calls]
    return {"pieces": pieces, "finish_reason": choice.finish_reason, "calls": calls}


def models(url):
    return [model.id for model in client(url).models.list()]


async def parallel(url, count, **given):
    async with AsyncOpenAI(base_url=f"{url}/client/v4/accounts/a/ai/v1", api_key="any") as openai:
        calls = (openai.chat.completions.create(messages=QUESTION, **given) for _ in range(count))
        return [answer.choices[0].message.content for answer in await asyncio.gather(*calls)]


def embed(url, **given):
    return client(url).embeddings.create(input="hi", **given).model_dump()
