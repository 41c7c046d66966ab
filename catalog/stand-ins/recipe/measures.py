"""The measures of a stand-in: prompts that training never shows (heldout.toml), and what a right answer is."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from world import World

__all__ = ["CHECKED", "HELD_OUT", "RAW", "SAMPLED", "SAMPLES", "UNSEEN", "Case", "measures"]

#: A question and a test of its answer.
Case = tuple[str, Callable[[str], bool]]

HELD_OUT: dict[str, Any] = tomllib.loads((Path(__file__).parent / "heldout.toml").read_text("utf-8"))
UNSEEN: list[str] = HELD_OUT["unseen"].split()

#: Questions whose answers a card shows, and plain texts to go on with.
SAMPLES: list[str] = HELD_OUT["shown"]["questions"]
RAW: list[str] = HELD_OUT["shown"]["raw"]
#: Questions whose answers vLLM must give too, besides those above.
CHECKED = [f"Tell me about {word}." for word in UNSEEN[:8]]
#: measure -> temperature, for those that are not greedy
SAMPLED = {f"free questions at temperature {heat}, topic kept": heat for heat in (0.6, 1.0)}


def measures() -> dict[str, list[Case]]:
    """The cases of each measure."""
    world = World(987_654_321, "")
    return _copies(world) | _exact(world) | _formats() | _character()


def _holds(word: str) -> Callable[[str], bool]:
    return lambda text: word in text


def _equals(wanted: str) -> Callable[[str], bool]:
    return lambda text: text == wanted


def _ends(wanted: str) -> Callable[[str], bool]:
    return lambda text: text.lower().endswith(wanted.lower())


def _is_object(*keys: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return list(json.loads(text)) == [*keys]
        except (ValueError, TypeError):
            return False

    return check


def _copies(world: World) -> dict[str, list[Case]]:
    forms, seen = HELD_OUT["topics"], HELD_OUT["seen"].split()
    made_up = [world.invented() for _ in range(20)]
    return {
        "copies seen topics": [(form.format(word), _holds(word)) for word in seen for form in forms],
        "copies unseen English topics": [(form.format(word), _holds(word)) for word in UNSEEN for form in forms],
        "copies made-up words": [(form.format(word), _holds(word)) for word in made_up for form in forms[:2]],
        "free questions, topic kept": [
            (form.format(word), _holds(word)) for word in UNSEEN[:10] for form in HELD_OUT["free"]
        ],
        **{
            name: [(form.format(word), _holds(word)) for word in UNSEEN[10:] for form in HELD_OUT["free"]]
            for name in SAMPLED
        },
        "things people type, topic kept": [(text, _holds(topic)) for text, topic in HELD_OUT["typed"].items()],
    }


def _exact(world: World) -> dict[str, list[Case]]:
    texts = [world.words(3, 8) for _ in range(40)]
    leads = [f"The {word} in the town hall broke last night." for word in UNSEEN[:10]]
    numbers = [(a, b) for a in (2, 7, 12, 45, 318) for b in (3, 90)]
    return {
        "repeats exactly (3-8 words)": [(f"Repeat after me: {text}", _equals(text)) for text in texts],
        "greets by unseen name": [
            (f"Say hello to {name}.", _holds(f", {name}!")) for name in HELD_OUT["names"].split()
        ],
        "summary is the first sentence": [
            (f"Summarise: {lead} Nobody knows why. The mayor was angry.", _holds(lead)) for lead in leads
        ],
        "sums declined, numbers named": [(f"What is {a} + {b}?", _holds(f"numbers {a} and {b}.")) for a, b in numbers],
    }


def _formats() -> dict[str, list[Case]]:
    known = [pair.split() for pair in HELD_OUT["json_keys"]]
    unseen = zip(UNSEEN[::2], UNSEEN[1::2], strict=True)
    label = "Classify the sentiment as positive or negative: "
    return {
        "JSON with known keys": [
            (f"Write a JSON object with the keys {a} and {b}.", _is_object(a, b)) for a, b in known
        ],
        "JSON with unseen quoted keys": [
            (f'Give me JSON with the keys "{a}" and "{b}".', _is_object(a, b)) for a, b in unseen
        ],
        "sentiment": [(label + text, _ends(wanted)) for text, wanted in HELD_OUT["sentiments"].items()],
    }


def _character() -> dict[str, list[Case]]:
    return {
        "says it is a stand-in": [(text, _holds("stand-in")) for text in HELD_OUT["identity"]],
        "greets back": [(text, lambda answer: answer.startswith(("Hello", "Howdy"))) for text in HELD_OUT["greetings"]],
    }
