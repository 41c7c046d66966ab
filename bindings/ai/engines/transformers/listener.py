"""Whisper in transformers: whole recordings, window after window, with the times of words.

The windows, and where one ends and the next begins, are transformers' own (`generate` with segments and timestamps).
Greedy, at temperature 0, and without the text of earlier windows as a prompt.
"""

from __future__ import annotations

import copy
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused
from paddock.bindings.ai.engines.transformers.audio import RATE, samples
from paddock.bindings.ai.engines.transformers.engine import Done
from paddock.bindings.ai.engines.transformers.words import words_of
from paddock.bindings.ai.engines.work import Heard, Listening, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.transformers.loading import Place

__all__ = ["Listener"]


class _Recording(NamedTuple):
    """What is to be heard, decoded."""

    work: Listening
    sound: Any


class Listener:
    """Writes recordings down, one at a time."""

    most_at_once = 1

    def __init__(self, place: Place) -> None:
        from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration

        self._device = place.device
        self._tokenizer: Any = AutoTokenizer.from_pretrained(place.folder)
        self._extractor = WhisperFeatureExtractor.from_pretrained(place.folder)
        model: Any = WhisperForConditionalGeneration.from_pretrained(place.folder, dtype=place.dtype)
        self._model: Any = model.to(place.device).eval()
        config: Any = self._model.generation_config
        self._config = config
        self._first_time: int = config.no_timestamps_token_id + 1
        self._languages: dict[str, int] = getattr(config, "lang_to_id", None) or {}
        self._is_multilingual: bool = bool(getattr(config, "is_multilingual", False))
        self._has_alignment: bool = bool(getattr(config, "alignment_heads", None))
        self.context_tokens = int(self._model.config.max_target_positions)

    def render(self, add: Add) -> Prompt:
        """As `OneShot.render`: decodes the recording."""
        if not isinstance(add.work, Listening):
            raise RequestRefused("work_off", "writes recordings down, and is asked for something else")
        language = add.work.language
        if self._is_multilingual and language is not None and f"<|{language}|>" not in self._languages:
            known = ", ".join(sorted(code.strip("<|>") for code in self._languages))
            raise RequestRefused("input", f"language: expected one of {known}; got {language!r}")
        if not self._is_multilingual and (add.work.is_translated or language not in (None, "en")):
            raise RequestRefused("input", "language and task: the model writes down English, and nothing else")
        return Prompt(_Recording(add.work, samples(add.work.audio)), 0)

    def run(self, prompts: Sequence[Prompt]) -> list[Done]:
        """As `OneShot.run`."""
        return [self._heard(prompt.tokens) for prompt in prompts]

    def _heard(self, recording: _Recording) -> Done:
        import torch

        work, sound = recording
        duration_s = len(sound) / RATE
        if not len(sound):
            return Done(result=Heard(work.language or "en", 1.0, 0.0, ()))
        is_long = duration_s > self._extractor.chunk_length
        features = self._extractor(
            [sound],
            sampling_rate=RATE,
            return_tensors="pt",
            return_attention_mask=True,
            truncation=not is_long,
            padding="longest" if is_long else "max_length",
        )
        inputs = features["input_features"].to(self._device, self._model.dtype)
        with torch.inference_mode():
            language, sure, silence = self._first_look(inputs, work.language)
            found = self._model.generate(
                input_features=inputs,
                attention_mask=features["attention_mask"].to(self._device),
                generation_config=self._settings(),
                return_timestamps=True,
                return_token_timestamps=self._has_alignment,
                return_segments=True,
                **self._options(work, language),
            )
        told = [self._segment(segment, silence, duration_s) for segment in found["segments"][0]]
        tokens = sum(len(segment["tokens"]) for segment in found["segments"][0])
        return Done(tokens=tokens, result=Heard(language, sure, duration_s, tuple(told)))

    def _settings(self) -> Any:
        settings: Any = copy.deepcopy(self._config)
        settings.update(return_dict_in_generate=True, output_scores=True, do_sample=False, num_beams=1)
        return settings

    def _options(self, work: Listening, language: str) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._is_multilingual:
            options |= {"language": language, "task": "translate" if work.is_translated else "transcribe"}
        if work.prompt:
            options["prompt_ids"] = self._tokenizer.get_prompt_ids(work.prompt, return_tensors="pt").to(self._device)
        return options

    def _first_look(self, inputs: Any, asked: str | None) -> tuple[str, float, float]:
        """The language, how sure it is, and how likely it is that nobody speaks, by the first window."""
        import torch

        start = torch.tensor([[self._model.config.decoder_start_token_id]], device=self._device)
        window = inputs[:, :, : self._extractor.nb_max_frames]
        missing = self._extractor.nb_max_frames - window.shape[2]
        window = torch.nn.functional.pad(window, (0, missing)) if missing > 0 else window
        shares = self._model(input_features=window, decoder_input_ids=start).logits[0, -1].float().softmax(0)
        silence = float(shares[self._first_time - 2])  # <|nospeech|> stands before <|notimestamps|>
        if not self._is_multilingual or asked is not None or not self._languages:
            return asked or "en", 1.0, silence
        among = torch.tensor(list(self._languages.values()), device=self._device)
        spoken = shares[among] / shares[among].sum()
        best = int(spoken.argmax())
        return list(self._languages)[best].strip("<|>"), float(spoken[best]), silence

    def _segment(self, segment: Any, silence: float, duration_s: float) -> Segment:
        start, end = float(segment["start"]), min(float(segment["end"]), duration_s)
        ids = segment["tokens"].tolist()
        text: str = self._tokenizer.decode([id for id in ids if id < self._first_time], skip_special_tokens=True)
        data = text.encode()
        times = segment["token_timestamps"].tolist() if "token_timestamps" in segment else []
        words = words_of(self._tokenizer, ids, times, (start, end), self._first_time)
        ratio = len(data) / len(zlib.compress(data)) if data else 0.0
        return Segment(start, end, text, self._logprob(segment), ratio, silence, words)

    def _logprob(self, segment: Any) -> float:
        """Mean over the segment's tokens. Scores begin behind the tokens that the window began with."""
        result = segment["result"]
        scores = result["scores"]
        begun = len(result["sequences"]) - len(scores)
        first, last = segment["idxs"]
        chosen = [
            float(scores[at - begun].float().log_softmax(-1)[result["sequences"][at]])
            for at in range(max(first, begun), last)
            if at - begun < len(scores)
        ]
        return sum(chosen) / len(chosen) if chosen else 0.0
