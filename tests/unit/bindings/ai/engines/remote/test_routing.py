"""Which server gets a request, and when one is left out."""

from dataclasses import dataclass
from types import SimpleNamespace

from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.protocol import Adapter, Message
from paddock.bindings.ai.engines.remote.health import Health
from paddock.bindings.ai.engines.remote.routing import affinity_key, choose


@dataclass
class Busy:
    url: str
    open: int = 0


def test_a_key_stays_with_its_server_and_keys_spread() -> None:
    servers = [Busy(f"http://s{index}") for index in range(4)]
    keys = [f"key {index}".encode() for index in range(400)]
    chosen = {key: choose(servers, key).url for key in keys}
    assert all(choose(servers, key).url == url for key, url in chosen.items())
    counts = [sum(url == server.url for url in chosen.values()) for server in servers]
    assert min(counts) > 50


def test_a_server_that_goes_moves_only_its_own_keys() -> None:
    servers = [Busy(f"http://s{index}") for index in range(4)]
    for key in (f"key {index}".encode() for index in range(100)):
        before, after = choose(servers, key), choose(servers[1:], key)
        assert before is after or before is servers[0]


def test_load_goes_before_affinity() -> None:
    servers = [Busy("http://a"), Busy("http://b")]
    favourite = choose(servers, b"key")
    favourite.open = 4
    assert choose(servers, b"key") is favourite
    favourite.open = 5
    assert choose(servers, b"key") is not favourite


def test_turns_of_a_conversation_share_a_key_and_adapters_do_not(wire: SimpleNamespace) -> None:
    system, question = Message("system", "Be brief."), Message("user", "Who are you?")
    first = wire.ask(messages=(system, question))
    later = wire.ask(messages=(system, question, Message("assistant", "A lamp."), Message("user", "Why?")))
    other = wire.ask(messages=(system, Message("user", "Why?")))
    tuned = wire.ask(messages=(system, question), adapter=Adapter("a", "/a"))
    assert affinity_key(first) == affinity_key(later)
    assert len({affinity_key(request) for request in (first, other, tuned)}) == 3


def test_prompts_share_a_key_by_their_beginning(wire: SimpleNamespace) -> None:
    beginning = "x" * 300
    assert affinity_key(wire.ask(prompt=f"{beginning}a")) == affinity_key(wire.ask(prompt=f"{beginning}b"))
    assert affinity_key(wire.ask(prompt="a")) != affinity_key(wire.ask(prompt="b"))


def test_pauses_grow_to_half_a_minute_and_start_over_with_an_answer() -> None:
    clock = ManualClock()
    health = Health(clock)
    pauses = []
    for _ in range(7):
        assert health.is_due
        pauses.append(health.fail("gone"))
        assert not health.is_due
        clock.advance(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    health.begin()
    assert health.is_up
    health.recover()
    assert health.fail("gone again") == 1


def test_many_calls_that_meet_one_failure_count_once() -> None:
    health = Health(ManualClock())
    health.begin()
    assert [health.fail("gone") for _ in range(5)] == [1] * 5
