"""Ports: the usual one where it is free, another one where it is not.

Free ports are looked for below 32768, where Linux does not take the local ends of outgoing
connections from, so a port found free is not lost to a passing client before its server listens.
"""

import fcntl
import itertools
import os
import socket
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

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


def choose(
    wanted: Iterable[int | None],
    taken: Collection[int] = (),
    accept: Callable[[int], bool] = is_free,
) -> list[int]:
    """Choose as many ports as are wanted: each the one named if it is free, else any free one.

    Args:
        wanted: ports in order of preference by position; None where any will do.
        taken: ports that are promised to somebody already.
        accept: says whether a port may be had.

    Raises:
        NoFreePortError: there is none left.
    """
    chosen: list[int] = []
    others = _candidates()
    for port in wanted:
        for candidate in itertools.chain([] if port is None else [port], others):
            if candidate not in chosen and candidate not in taken and accept(candidate):
                chosen.append(candidate)
                break
        else:
            raise NoFreePortError(f"no free port between {_FIRST} and {_LAST}")
    return chosen


class Reservations:
    """Ports promised to one stack while it lives, so that two that start at once do not collide.

    Between finding a port free and listening on it lie seconds; a lock on a file named after the
    port holds the place among the stacks of this user on this machine.
    """

    def __init__(self, directory: Path | None = None) -> None:
        """Keep the lock files in a directory; all stacks must use the same one."""
        name = f"regulars-ports-{os.getuid()}"
        self._directory = directory or Path(tempfile.gettempdir()) / name
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Begin with none."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give all of them back."""
        self._held.close()

    def choose(self, wanted: Iterable[int | None], taken: Collection[int] = ()) -> list[int]:
        """As `choose`, and nobody else gets them until the end of the block."""
        return choose(wanted, taken, self._hold)

    def _hold(self, port: int) -> bool:
        lock = (self._directory / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        if not is_free(port):
            lock.close()
            return False
        self._held.enter_context(lock)
        return True
