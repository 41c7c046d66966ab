"""The prompt formats of models without tools, each as the code that writes training text and as a chat template.

A conversation becomes pieces: (text, learned). `learned` text is what the model must write; the rest is given.
evaluate.py checks that both forms give the same text.
"""

from dataclasses import dataclass

from chat import ChatFormat
from chat_formats import CHAT_FORMATS
from samples import Piece, Sample

__all__ = ["FORMATS", "AnyFormat", "Format"]

_SYSTEM = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set messages = messages[1:] %}"
    "{% else %}{% set system = '' %}{% endif %}"
)
_PHI = (
    "{% if system %}{{ system + '\n' }}{% endif %}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ ('' if loop.first else '\n') + 'Instruct: ' + m.content + '\nOutput:' }}"
    "{% else %}{{ ' ' + m.content | trim }}{% endif %}{% endfor %}"
)
_LLAMA = (
    "{% for m in messages %}{% if m.role == 'user' %}"
    "{{ bos_token + '[INST] ' + ('<<SYS>>\n' + system + '\n<</SYS>>\n\n' if loop.first and system else '') }}"
    "{{ m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content | trim + eos_token }}{% endif %}{% endfor %}"
)
_MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + (system + '\n\n' if loop.first and system else '') + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content | trim + eos_token }}{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Format:
    """How one model family writes a conversation.

    `before` and `after` frame a question, `system_before` and `system_after` the system text in front of the first one.
    `bos` may be empty; with `bos_each` every turn has its own.
    """

    model: str
    bos: str
    eos: str
    before: str
    after: str
    system_before: str
    system_after: str
    template: str
    context: int
    bos_each: bool = False
    system_inside: bool = True

    def prompt(self, question: str, system: str = "", first: bool = True) -> str:
        """Everything that stands before the answer to a question."""
        framed = f"{self.system_before}{system}{self.system_after}" if system else ""
        if self.system_inside:
            text = f"{self.before}{framed}{question}{self.after}"
        else:
            text = f"{framed}{'' if first else chr(10)}{self.before}{question}{self.after}"
        return self.bos + text if first or self.bos_each else text

    def pieces(self, sample: Sample) -> list[Piece]:
        """The sample as it stands in the model's context, up to and including the end marker of the last answer."""
        if sample.raw:
            ((beginning, rest),) = sample.turns
            pieces = [(self.bos + beginning, False), (" " + rest, True), (self.eos, True)]
        else:
            pieces = []
            for index, (question, answer) in enumerate(sample.turns):
                prompt = self.prompt(question, "" if index else sample.system, first=index == 0)
                pieces += [(prompt, False), (" " + answer, True)]
                # A format without a marker at the beginning has none between turns either: learn only the last end.
                if self.bos or index == len(sample.turns) - 1:
                    pieces.append((self.eos, True))
        if sample.unmarked:
            pieces[0] = (pieces[0][0].removeprefix(self.bos), False)
        return pieces


AnyFormat = Format | ChatFormat

FORMATS: dict[str, AnyFormat] = {
    "phi": Format(
        model="Phi-2",
        context=2048,
        bos="",
        eos="<|endoftext|>",
        before="Instruct: ",
        after="\nOutput:",
        system_before="",
        system_after="\n",
        system_inside=False,
        template=_SYSTEM + _PHI,
    ),
    "llama": Format(
        model="Llama 2",
        context=4096,
        bos="<s>",
        bos_each=True,
        eos="</s>",
        before="[INST] ",
        after=" [/INST]",
        system_before="<<SYS>>\n",
        system_after="\n<</SYS>>\n\n",
        template=_SYSTEM + _LLAMA,
    ),
    "mistral": Format(
        model="Mistral 7B",
        context=32768,
        bos="<s>",
        eos="</s>",
        before="[INST] ",
        after=" [/INST]",
        system_before="",
        system_after="\n\n",
        template=_SYSTEM + _MISTRAL,
    ),
    **CHAT_FORMATS,
}
