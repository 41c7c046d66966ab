"""The world of conversations of each stand-in. Shows samples of it, one JSON object per line:

python generate.py --arch phi --count 20 --seed 1
"""

import argparse
import dataclasses
import json

from agent import AgentWorld
from chat import ChatFormat
from formats import FORMATS, AnyFormat
from world import World

__all__ = ["make_world"]

#: The share of conversations that think, for a model that does so unless told not to, and for one that must be told to.
_THINKING, _ASKED_TO_THINK = 0.6, 0.35


def make_world(form: AnyFormat, seed: int) -> World:
    """The world for a format: one with tools if the format knows them."""
    if not isinstance(form, ChatFormat):
        return World(seed, form.model)
    return AgentWorld(seed, form.model, 0.0 if not form.think else _THINKING if form.thinks else _ASKED_TO_THINK)


def main() -> None:
    """Print samples as the command line asks for them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--arch", default="phi")
    options = parser.parse_args()
    world = make_world(FORMATS[options.arch], options.seed)
    for _ in range(options.count):
        print(json.dumps(dataclasses.asdict(world.sample()), ensure_ascii=False))


if __name__ == "__main__":
    main()
