"""Ports: the usual one where it is free, another one where it is not.

Free ports are looked for below 32768, where Linux does not take the local ends of outgoing
connections from, so a port found free is not lost to a passing client before its server listens.
"""

import itertools
import os
import socket
from collections.abc import Collection, Iterable, Iterator

from deploy.local.errors import NoFreePortError

LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 18000, 32767


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of the loopback address right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _candidates() -> Iterator[int]:
    """All ports of the range, from a place that differs between processes that look at once."""
    size = _LAST - _FIRST
    start = os.getpid() * 97 % size
    return (_FIRST + (start + step) % size for step in range(size))


def choose(wanted: Iterable[int | None], taken: Collection[int] = ()) -> list[int]:
    """Choose as many ports as are wanted: each the one named if it is free, else any free one.

    Args:
        wanted: ports in order of preference by position; None where any will do.
        taken: ports that are promised to somebody already.

    Raises:
        NoFreePortError: there is none left.
    """
    chosen: list[int] = []
    others = _candidates()
    for port in wanted:
        for candidate in itertools.chain([] if port is None else [port], others):
            if candidate not in chosen and candidate not in taken and is_free(candidate):
                chosen.append(candidate)
                break
        else:
            raise NoFreePortError(f"no free port between {_FIRST} and {_LAST}")
    return chosen
