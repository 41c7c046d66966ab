"""One model's parsers of vLLM's: a reader for each generation that may call tools or think aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from paddock.bindings.ai.engines.reading import CallReader, ParserReader, Reader, tool_definitions
from paddock.bindings.ai.engines.steploop import RequestRefused

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["NO_PARSER", "Parsers", "Reading"]

#: Why a model is shown no tools.
NO_PARSER: Final = "nothing says how this model writes tool calls"


class Reading(NamedTuple):
    """How one generation is read, and what its sampling has to know for it."""

    reader: Reader
    #: Markers that are special tokens of the tokenizer, which a parser may have to see.
    skips_special_tokens: bool
    #: None: this model does not think. True: it has stopped before the first token, and a grammar holds from there.
    has_thought: bool | None


class Parsers:
    """Makes readers. `manager` is vLLM's ParserManager, `request_class` its ChatCompletionRequest.

    Raises, when it is made, what vLLM says of a parser that does not exist or that this tokenizer has no markers for.
    """

    def __init__(
        self, manager: Any, request_class: Any, tokenizer: Any, model_config: Any, settings: EngineSettings
    ) -> None:
        self._tokenizer = tokenizer
        self._model_config = model_config
        self._request_class = request_class
        self._thinks = settings.reasoning_parser is not None
        self._calls = settings.tool_parser is not None
        self._full = manager.get_parser(settings.tool_parser, settings.reasoning_parser, enable_auto_tools=True)
        self._thoughts = manager.get_parser(None, settings.reasoning_parser)
        if self._full is not None:
            self._full(tokenizer)  # fails now and not at the first request

    def reading(self, add: Add, prompt_token_ids: list[int]) -> Reading | None:
        """How to read the answer to a request; None where all of it is text. Raises RequestRefused.

        A raw prompt is answered with raw text, whatever is in it.
        """
        use = add.tool_use
        if use is not None and not self._calls:
            raise RequestRefused("tools_off", NO_PARSER)
        if add.messages is None or (use is None and not self._thinks):
            return None
        variables = {"chat_template_kwargs": add.template_variables}
        if use is None or use.is_forced:
            thoughts = self._reading(self._thoughts, {}, variables, prompt_token_ids) if self._thinks else None
            if use is None:
                return thoughts
            if thoughts is None:
                return Reading(CallReader(None), skips_special_tokens=True, has_thought=None)
            return thoughts._replace(reader=CallReader(thoughts.reader))
        return self._reading(self._full, {"tools": tool_definitions(use.tools)}, variables, prompt_token_ids)

    def _reading(self, parser_class: Any, tools: Any, variables: Any, prompt_token_ids: list[int]) -> Reading:
        request = self._request_class(model="", messages=[], tool_choice="auto" if tools else None, **tools)
        parser = parser_class(self._tokenizer, request.tools, model_config=self._model_config, **variables)
        request = parser.adjust_request(request)
        has_thought = bool(parser.is_reasoning_end(prompt_token_ids)) if self._thinks else None
        reader = ParserReader(parser, request, prompt_token_ids)
        return Reading(reader, bool(request.skip_special_tokens), has_thought)
