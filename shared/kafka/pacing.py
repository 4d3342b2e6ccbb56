"""How often a consumer asks the broker: all the time while records come, and rarely when none do.

The client has one fetch at a time under way to each broker, and looks fifty times a second whether
there is another one to send. Here each fetch says by itself how long the broker may gather: a
moment, while records come all the time (fewer and larger batches), and for seconds when nothing has
come for a while. What then comes is answered at once, and while it is being read the broker is
asked for the others for no more than a moment.
"""

import time
from typing import Any, NamedTuple

from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher
from typing_extensions import override


class Fetching(NamedTuple):
    """How the broker answers a fetch: when it has so much, or after so long.

    `unread_seconds`: how often the client looks whether another fetch is to be sent.
    """

    bytes_min: int
    wait_ms_max: int
    unread_seconds: float


BUSY = Fetching(bytes_min=1024 * 1024, wait_ms_max=15, unread_seconds=0.02)
QUIET = Fetching(bytes_min=1, wait_ms_max=250, unread_seconds=0.25)
IDLE = Fetching(bytes_min=1, wait_ms_max=5_000, unread_seconds=5.0)
_BUSY_SECONDS = 0.5
_QUIET_SECONDS = 10.0


class PacedFetcher(Fetcher):  # type: ignore[misc]  # aiokafka ships no types
    """A fetcher that adapts each fetch to what came last."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Begin as if something had just come: lanes are still to be placed."""
        self._came_at = time.monotonic()
        super().__init__(*args, **options)

    @override
    def _get_actions_per_node(self, assignment: Any) -> Any:
        fetching = self._pace()
        self._fetch_min_bytes = fetching.bytes_min
        self._fetch_max_wait_ms = fetching.wait_ms_max
        self._fetcher_timeout = fetching.unread_seconds
        return super()._get_actions_per_node(assignment)

    def _pace(self) -> Fetching:
        now = time.monotonic()
        if self._records:
            self._came_at = now
            return BUSY
        silent = now - self._came_at
        if silent < _BUSY_SECONDS:
            return BUSY
        return QUIET if silent < _QUIET_SECONDS else IDLE


def mend() -> None:
    """Make every consumer of this process pace its fetches."""
    consumer.Fetcher = PacedFetcher
