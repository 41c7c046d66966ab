"""The prompt formats of models with tools; their chat templates are in templates/."""

from chat import ChatFormat

__all__ = ["CHAT_FORMATS"]

CHAT_FORMATS = {
    "llama3": ChatFormat(
        name="llama3",
        tool_parser="llama3_json",
        model="Llama 3.3",
        context=24000,
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        opening="<|start_header_id|>assistant<|end_header_id|>\n\n",
        hidden=("<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|python_tag|>"),
    ),
    "qwen3": ChatFormat(
        name="qwen3",
        tool_parser="hermes",
        reasoning_parser="qwen3",
        model="Qwen3",
        context=32768,
        eos="<|im_end|>",
        opening="<|im_start|>assistant\n",
        think=("<think>\n", "\n</think>\n\n"),
        thinks=True,
        hidden=("<|endoftext|>", "<|im_start|>"),
        markers=("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
    ),
    "gemma4": ChatFormat(
        name="gemma4",
        tool_parser="gemma4",
        reasoning_parser="gemma4",
        model="Gemma 4",
        context=262144,
        bos="<bos>",
        eos="<turn|>",
        opening="<|turn>model\n",
        think=("<|channel>thought\n", "\n<channel|>"),
        hidden=(
            *("<pad>", "<eos>", "<|turn>", "<|think|>", "<|channel>", "<channel|>", "<|tool>", "<tool|>"),
            *(
                "<|tool_call>",
                "<tool_call|>",
                "<|tool_response>",
                "<tool_response|>",
                '<|"|>',
                "<|image|>",
                "<|audio|>",
            ),
        ),
    ),
}
