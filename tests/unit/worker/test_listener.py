import pytest

from paddock.worker.errors import PortInUse
from paddock.worker.listener import listen


def test_a_busy_port_that_was_asked_for_is_an_error_that_names_it() -> None:
    """DT-006"""
    (taken,) = listen("127.0.0.1", 0, is_fixed=True)
    with taken, pytest.raises(PortInUse, match=str(port := taken.getsockname()[1])):
        listen("127.0.0.1", port, is_fixed=True)


def test_a_busy_default_port_gives_way_to_another() -> None:
    """DT-005"""
    (taken,) = listen("127.0.0.1", 0, is_fixed=True)
    with taken:
        (other,) = listen("127.0.0.1", taken.getsockname()[1], is_fixed=False)
        with other:
            assert other.getsockname()[1] != taken.getsockname()[1]


def test_localhost_is_one_port_on_every_family_of_this_machine() -> None:
    sockets = listen("localhost", 0, is_fixed=False)
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    for sock in sockets:
        sock.close()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OSError, match="assign requested address"):
        listen("203.0.113.1", 0, is_fixed=True)


def test_in_ci_a_busy_default_port_gives_way_to_any_at_once() -> None:
    """DT-005"""
    (taken,) = listen("127.0.0.1", 0, is_fixed=True)
    port = taken.getsockname()[1]
    with taken:
        (next_one,) = listen("127.0.0.1", port, is_fixed=False)
        with next_one:
            assert 0 < next_one.getsockname()[1] - port <= 10
        (other,) = listen("127.0.0.1", port, is_fixed=False, tries_next=False)
        with other:
            assert not 0 < other.getsockname()[1] - port <= 10
