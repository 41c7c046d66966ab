"""LiteLLM with its provider `cloudflare/`. `url` is Paddock's address in every call."""

import asyncio

import litellm

QUESTION = [{"role": "user", "content": "Tell me about lighthouses."}]


def settings(url, model, **more):
    """The arguments of every completion."""
    return {
        "model": f"cloudflare/{model}",
        "api_base": f"{url}/client/v4/accounts/a/ai/v1",
        "api_key": "any",
        "messages": QUESTION,
        "temperature": 0,
        **more,
    }


def complete(**given):
    return litellm.completion(**settings(**given)).model_dump()


def stream(**given):
    given["stream_options"] = {"include_usage": True}
    return [chunk.model_dump() for chunk in litellm.completion(stream=True, **settings(**given))]


async def astream(**given):
    chunks = await litellm.acompletion(stream=True, **settings(**given))
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


async def parallel(count, **given):
    answers = await asyncio.gather(*(litellm.acompletion(**settings(**given)) for _ in range(count)))
    return [answer.choices[0].message.content for answer in answers]


def act(**given):
    """What an agent does: ask, run the tools, and ask again with what they gave."""
    turns = [{"role": "user", "content": "What is the weather in Kiel?"}]
    first = litellm.completion(**settings(messages=turns, **given)).choices[0].message
    turns.append(first.model_dump())
    for call in first.tool_calls:
        turns.append({"role": "tool", "tool_call_id": call.id, "content": f"Sunny: {call.function.arguments}"})
    return litellm.completion(**settings(messages=turns, **given)).choices[0].message.content


async def leave(**given):
    chunks = await litellm.acompletion(stream=True, **settings(**given))
    async for chunk in chunks:
        if chunk.choices[0].delta.content:
            await chunks.aclose()
            return chunk.choices[0].delta.content
