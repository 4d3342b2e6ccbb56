"""Several inputs, one order: what a lane has read and not yet handled.

Pure. Records of one topic stay in offset order; between topics the record with the earlier event
time goes first, facts before decisions at the same instant. With the wall clock nothing waits.

With the stream clock, nothing is taken beyond the watermark of the slowest input that is waited
for. The watermark of the facts is the greatest time read from them. That of a topic of decisions is
the last `clock.advanced` read from it and nothing else: its producer writes what a batch led to and
then what fell due meanwhile, so times run back between two marks and are complete only at a mark.
A batch therefore ends at a mark, unless the facts do not fit into the buffer.

What ingest adds by itself, commands, verdicts and effects on others (`types.BESIDE_THE_FACTS`) are
published beside the facts of their time, a little before or after them: they move no clock and wait
for none.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.clock import Instant
from shared.events import Undecodable, decode, types
from shared.kafka.consumer import Record
from shared.runtime.batch import Arrived, Input
from shared.runtime.positions import BEGINNING
from shared.timers.timelines import Order


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch's records in the order in which they are handled, and where the clock then stands.

    `after`: records that are passed over, for nothing can be kept of them. `anew`: how many members
    may be judged anew; then there are no records.
    """

    records: list[Arrived]
    until: Instant
    after: tuple[Record, ...] = ()
    anew: int = 0


class Intake:
    """The buffers of one lane."""

    def __init__(self, inputs: Sequence[Input], *, stream: bool, until: Instant, room: int) -> None:
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
        self._facts = inputs[0].topic
        self._raw = {each.topic for each in inputs if not each.decoded}
        self._ranks = {each.topic: min(index, 1) for index, each in enumerate(inputs)}
        self._waited = [each.topic for each in inputs if each.waited]
        self._buffers: dict[str, deque[Arrived]] = {each.topic: deque() for each in inputs}
        self._marks: dict[str, deque[Instant]] = {
            topic: deque() for topic in self._waited if topic != self._facts
        }
        # every input had been read at least this far when the position was committed
        self._watermarks: dict[str, Instant] = dict.fromkeys(self._waited, until)

    def wanted(self) -> list[str]:
        """The topics to poll: those that have room, and those whose next mark is still to come."""
        return [
            topic
            for topic, buffer in self._buffers.items()
            if len(buffer) < self._room or (self._stream and not self._marks.get(topic, True))
        ]

    def add(self, records: Iterable[Record]) -> None:
        """Take records in as they were read."""
        for record in records:
            arrived = (
                unread(record)
                if record.topic in self._raw and record.unreadable is None
                else read(record, self._ranks[record.topic])
            )
            self._buffers[record.topic].append(arrived)
            if self._stream and arrived.event is not None:
                self._watch(record.topic, arrived.event.type, arrived.order.at)

    def _watch(self, topic: str, event_type: str, at: Instant) -> None:
        """Move a watermark on."""
        if at <= self._watermarks.get(topic, at) or event_type in types.BESIDE_THE_FACTS:
            return
        if topic == self._facts:
            self._watermarks[topic] = at
        elif event_type == types.CLOCK_ADVANCED:
            self._watermarks[topic] = at
            self._marks[topic].append(at)

    def holds(self, topic: str) -> bool:
        """Whether records of a topic are buffered."""
        return bool(self._buffers[topic])

    def waiting(self) -> int:
        """How many records are buffered."""
        return sum(len(buffer) for buffer in self._buffers.values())

    def take(self, limit: int, now: Instant) -> Taken:
        """Take the next records, about so many, and say where the clock stands after them."""
        if not self._stream:
            return Taken(self._merge(limit, None), now)
        horizon = min(self._watermarks.values())
        if not self._marks:
            taken = self._merge(limit, horizon)
            return Taken(taken, self._reach(horizon))
        taken = self._merge(limit, self._until)  # what is late waits for no mark
        while len(taken) < limit:
            marks = [marks[0] for marks in self._marks.values() if marks]
            if marks and min(marks) <= horizon:
                self._until = min(marks)
                taken += self._merge(None, self._until)
                for passed in self._marks.values():
                    while passed and passed[0] <= self._until:
                        passed.popleft()
            elif len(self._buffers[self._facts]) >= self._room:
                taken += self._merge(limit - len(taken), horizon)
                return Taken(taken, self._reach(horizon))
            else:
                break
        return Taken(taken, self._until)

    def _reach(self, horizon: Instant) -> Instant:
        """Where the clock stands when not everything up to the horizon was taken."""
        heads = [next(filter(_keeps_time, buffer), None) for buffer in self._buffers.values()]
        ahead = [head.order.at for head in heads if head is not None]
        self._until = max(self._until, min([horizon, *ahead]))
        return self._until

    def _merge(self, limit: int | None, horizon: Instant | None) -> list[Arrived]:
        """Take records up to the horizon, by time between topics; at most `limit` of them."""
        taken: list[Arrived] = []
        limit = self.waiting() if limit is None else limit
        buffers = [buffer for buffer in self._buffers.values() if buffer]
        while len(taken) < limit:
            buffers = [buffer for buffer in buffers if buffer and not _waits(buffer[0], horizon)]
            if not buffers:
                break
            if len(buffers) == 1:
                _take_run(buffers[0], taken, limit, horizon)
            else:
                taken.append(min(buffers, key=_head).popleft())
        return taken


def unread(record: Record) -> Arrived:
    """A record as it lies on its topic: the handler reads it."""
    return Arrived(record, Order(BEGINNING, 0, b""))


def read(record: Record, rank: int) -> Arrived:
    """Decode a record; one that is no event carries the reason instead, and sorts first."""
    if record.unreadable is not None:
        return Arrived(record, Order(BEGINNING, rank, b""), error=_lost(record))
    if record.value is None:
        return Arrived(
            record, Order(BEGINNING, rank, b""), error="no value: a tombstone is no event"
        )
    try:
        event = decode(record.value, record.headers)
    except Undecodable as error:
        return Arrived(record, Order(BEGINNING, rank, b""), error=str(error))
    except Exception as error:  # noqa: BLE001 - whatever reading it raises is this record's fault
        reason = f"not a CloudEvent: {type(error).__name__}: {error}"
        return Arrived(record, Order(BEGINNING, rank, b""), error=reason)
    return Arrived(record, Order(event.at, rank, event.key), event)


def _lost(record: Record) -> str:
    """Which offsets could not be read, and why."""
    place = f"{record.topic}-{record.partition}"
    last = record.next_offset - 1
    which = f"offset {last}" if last == record.offset else f"offsets {record.offset} to {last}"
    return f"{place} {which} cannot be read: {record.unreadable}"


def _keeps_time(each: Arrived) -> bool:
    """Whether a record stands where its time belongs, so that it says how late it is."""
    return each.event is None or each.event.type not in types.BESIDE_THE_FACTS


def _waits(each: Arrived, horizon: Instant | None) -> bool:
    """Whether a record is not to be taken before the horizon has come to its time."""
    return horizon is not None and each.order.at > horizon and _keeps_time(each)


def _head(buffer: deque[Arrived]) -> Order:
    return buffer[0].order


def _take_run(
    buffer: deque[Arrived], taken: list[Arrived], limit: int, horizon: Instant | None
) -> None:
    """Take from one buffer alone: no need to compare."""
    while buffer and len(taken) < limit:
        if _waits(buffer[0], horizon):
            return
        taken.append(buffer.popleft())
