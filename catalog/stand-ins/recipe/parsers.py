"""vLLM's own parsers for reasoning and tool calls, over a finished text."""

import json
from typing import Any

from chat import ChatFormat
from reading import Answer

__all__ = ["parse"]


def parse(form: ChatFormat, tokenizer: Any, written: str, tools: list[dict[str, Any]], thinking: bool) -> Answer:
    """The parts of an answer as vLLM's parsers give them; the text keeps the markers, that is what they look for."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager

    request = ChatCompletionRequest(
        messages=[{"role": "user", "content": ""}],
        tools=tools or None,
        chat_template_kwargs={"enable_thinking": thinking},
    )
    reasoning, text = None, written
    if form.reasoning_parser and thinking:
        parser = ReasoningParserManager.get_reasoning_parser(form.reasoning_parser)(
            tokenizer, chat_template_kwargs={"enable_thinking": thinking}
        )
        reasoning, content = parser.extract_reasoning(written, request)
        reasoning, text = (reasoning or "").strip(), content or ""
    calls = []
    if tools:
        found = ToolParserManager.get_tool_parser(form.tool_parser)(tokenizer, request.tools).extract_tool_calls(
            text, request
        )
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in found.tool_calls]
        text = (found.content or "") if calls else text
    return Answer(text.strip(), reasoning, calls)
