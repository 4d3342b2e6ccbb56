"""Several inputs, one order: what a lane has read and not yet handled.

Pure. Records of one topic stay in offset order; between topics the record with the earlier event
time goes
first, facts before decisions at the same instant. With the stream clock, nothing is taken beyond
the watermark of the
slowest input that is waited for (an input's watermark is the greatest time read from it, and
`clock.advanced` moves it where there was nothing to say); with the wall clock nothing waits.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.clock import Instant
from shared.events import Undecodable, decode
from shared.kafka.consumer import Record
from shared.runtime.batch import Arrived, Input
from shared.runtime.positions import BEGINNING
from shared.timers.timelines import Order


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch's records in the order in which they are handled, and where the clock then stands."""

    records: list[Arrived]
    until: Instant


class Intake:
    """The buffers of one lane."""

    def __init__(
        self, inputs: Sequence[Input], *, stream: bool, until: Instant, room: int = 4_000
    ) -> None:
        """Start with empty buffers.

        Args:
            inputs: the lane's topics, the one of facts first.
            stream: with the stream clock.
            until: where the partition's clock stood at the last commit.
            room: how many records of a topic are buffered before it is no longer polled.
        """
        self._stream = stream
        self._room = room
        self._until = until
        self._ranks = {each.topic: min(index, 1) for index, each in enumerate(inputs)}
        self._waited = [each.topic for each in inputs if each.waited]
        self._buffers: dict[str, deque[Arrived]] = {each.topic: deque() for each in inputs}
        # every input had been read at least this far when the position was committed
        self._watermarks: dict[str, Instant] = {each.topic: until for each in inputs}

    def wanted(self) -> list[str]:
        """The topics that have room for more records."""
        return [topic for topic, buffer in self._buffers.items() if len(buffer) < self._room]

    def add(self, records: Iterable[Record]) -> None:
        """Take records in as they were read."""
        for record in records:
            arrived = read(record, self._ranks[record.topic])
            self._buffers[record.topic].append(arrived)
            if arrived.event is not None and arrived.order.at > self._watermarks[record.topic]:
                self._watermarks[record.topic] = arrived.order.at

    def waiting(self) -> int:
        """How many records are buffered."""
        return sum(len(buffer) for buffer in self._buffers.values())

    def take(self, limit: int, now: Instant) -> Taken:
        """Take the next records, at most so many, and say where the clock stands after them."""
        if not self._stream:
            taken = self._merge(limit, None)
            return Taken(taken, now)
        horizon = min(self._watermarks[topic] for topic in self._waited)
        taken = self._merge(limit, horizon)
        until = min([horizon, *(buffer[0].order.at for buffer in self._buffers.values() if buffer)])
        self._until = max(self._until, until)
        return Taken(taken, self._until)

    def _merge(self, limit: int, horizon: Instant | None) -> list[Arrived]:
        taken: list[Arrived] = []
        buffers = [buffer for buffer in self._buffers.values() if buffer]
        while len(taken) < limit:
            buffers = [
                buffer
                for buffer in buffers
                if buffer and (horizon is None or buffer[0].order.at <= horizon)
            ]
            if not buffers:
                break
            if len(buffers) == 1:
                _take_run(buffers[0], taken, limit, horizon)
            else:
                taken.append(min(buffers, key=_head).popleft())
        return taken


def read(record: Record, rank: int) -> Arrived:
    """Decode a record; one that is no event carries the reason instead, and sorts first."""
    if record.value is None:
        return Arrived(
            record, Order(BEGINNING, rank, b""), error="no value: a tombstone is no event"
        )
    try:
        event = decode(record.value, record.headers)
    except Undecodable as error:
        return Arrived(record, Order(BEGINNING, rank, b""), error=str(error))
    return Arrived(record, Order(event.at, rank, event.key), event)


def _head(buffer: deque[Arrived]) -> Order:
    return buffer[0].order


def _take_run(
    buffer: deque[Arrived], taken: list[Arrived], limit: int, horizon: Instant | None
) -> None:
    """Take from one buffer alone: no need to compare."""
    while buffer and len(taken) < limit:
        if horizon is not None and buffer[0].order.at > horizon:
            return
        taken.append(buffer.popleft())
