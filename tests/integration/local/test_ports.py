"""Ports that are taken are not taken again."""

import socket
from pathlib import Path

import pytest

from deploy.local.ports import LOOPBACK, Reservations, choose, is_free
from tests.integration.local.conftest import listens

pytestmark = pytest.mark.integration


def test_a_free_port_is_kept_and_a_taken_one_replaced() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        assert listens(taken)
        assert not is_free(taken)
        [other] = choose([taken])
        assert other != taken
        assert is_free(other)
    assert choose([taken]) == [taken]


def test_ports_chosen_together_differ_and_lie_below_those_of_clients() -> None:
    ports = choose([None] * 20)
    assert len(set(ports)) == 20
    assert max(ports) < 32768


def test_a_promised_port_is_not_given_twice() -> None:
    [first] = choose([None])
    assert choose([first], taken=[first]) != [first]


def test_a_reserved_port_is_nobody_elses_until_it_is_given_back(tmp_path: Path) -> None:
    with Reservations(tmp_path) as ours, Reservations(tmp_path) as theirs:
        [port] = ours.choose([None])
        assert is_free(port)  # nobody listens yet
        assert theirs.choose([port]) != [port]
    with Reservations(tmp_path) as later:
        assert later.choose([port]) == [port]
