"""A sample: one conversation as training sees it."""

from dataclasses import dataclass, field
from typing import Any

from families import Turn

__all__ = ["Message", "Piece", "Sample"]

#: A message as the OpenAI API has it.
Message = dict[str, Any]
#: Text, and whether it is what the model must write.
Piece = tuple[str, bool]


@dataclass
class Sample:
    """One conversation. With `raw`, `turns` is a single (beginning, continuation) of plain text.

    `unmarked` leaves out the marker at the beginning of the text, as a caller does who sends his own prompt.
    The other fields are for models with tools, see agent.py: `messages` stand in the place of `turns` where those
    cannot say it; `reasoning` comes before the last answer where `thinking` is on; `document` is that answer in pieces.
    """

    turns: list[Turn]
    system: str = ""
    raw: bool = False
    unmarked: bool = False
    kinds: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    tools: list[Any] = field(default_factory=list)
    thinking: bool = False
    reasoning: str = ""
    document: list[Piece] = field(default_factory=list)

    def conversation(self) -> list[Message]:
        """The messages, the last answer among them."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        roles = ("user", "assistant")
        told = [{"role": role, "content": text} for turn in self.turns for role, text in zip(roles, turn, strict=True)]
        return system + (self.messages or told)

    def replace(self, index: int, question: str, answer: str) -> None:
        """Put another turn in the place of one."""
        self.turns[index] = (question, answer)
        self.kinds[index] = "replaced"
