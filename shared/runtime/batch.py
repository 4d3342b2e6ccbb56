"""What a handler is given, and what it gives back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import msgspec

from shared.clock import Instant
from shared.db import Transaction
from shared.events import Event, types
from shared.kafka.consumer import Record
from shared.kafka.partitioner import partition_of
from shared.outbox import Outgoing
from shared.timers.timelines import Order

_encode: Final = msgspec.json.Encoder().encode


class Input(NamedTuple):
    """A topic that a consumer reads.

    The first input of a consumer is the one of facts; what follows are other services' decisions
    and sort after a fact of the same instant. `waited`: with the stream clock, do not overtake it.
    `decoded`: false where what lies on it is not trusted, and the handler reads it by itself.
    """

    topic: str
    waited: bool = True
    decoded: bool = True


@dataclass(slots=True)
class Arrived:
    """A record that was read: with its event, or with the reason why it is none.

    `bare`: even setting it aside failed; nothing but its place and its bytes is kept.
    """

    record: Record
    order: Order
    event: Event | None = None
    error: str | None = None
    bare: bool = False

    def condemned(self, error: Exception) -> "Arrived":
        """The same record, carrying the error that it causes."""
        return Arrived(self.record, self.order, self.event, f"{type(error).__name__}: {error}")

    @property
    def is_mark(self) -> bool:
        """Whether it tells how far a clock has come, and nothing else."""
        return self.event is not None and self.event.type == types.CLOCK_ADVANCED

    @property
    def place(self) -> str:
        """Where the record lies, for logs."""
        return f"{self.record.topic}-{self.record.partition} offset {self.record.offset}"


@dataclass(slots=True)
class Batch:
    """One transaction's worth of work for one partition.

    Attributes:
        partition: the lane's partition.
        partitions: how many there are on every member topic.
        now: wall time, for `recorded_at`.
        until: where the partition's clock stands: timers due by then fire in this batch.
        timers_max: how many members outside of the batch may be worked off for their timers; 0 for
            none.
        anew_max: how many may be judged anew, for a version of the program was withdrawn.
        replay: a dead letter that somebody wants applied again, and nothing else.
        stream: with the stream clock (a replay), nothing is late by the wall clock.
        live: everything is read that stood on the facts' topic when the lane was claimed.
        settling: the first such batch: commands that were read and not decided are decided in it.
        soonest_due: when the first timer of the members that were written is due.
        committed: what the handler wants done once the batch is in the database.
        traces: by member id, the `traceparent` of the newest event about them.
    """

    partition: int
    partitions: int
    now: Instant
    until: Instant
    timers_max: int = 0
    anew_max: int = 0
    stream: bool = False
    replay: bool = False
    live: bool = True
    settling: bool = False
    outgoing: list[Outgoing] = field(default_factory=list)
    duplicates: int = 0
    timers_fired: int = 0
    timers_left: bool = False
    rebuilds: int = 0
    soonest_due: Instant | None = None
    committed: list[Callable[[], None]] = field(default_factory=list)
    traces: dict[str, str] = field(default_factory=dict)

    def follow(self, arrived: Iterable[Arrived]) -> None:
        """Note whose events belong to which trace: what is said about them belongs to it too."""
        self.traces |= {
            each.event.subject: each.event.traceparent
            for each in arrived
            if each.event is not None and each.event.traceparent is not None
        }

    def emit(self, topic: str, key: str, value: bytes) -> None:
        """Send a message about a member of this partition when the batch commits.

        Args:
            topic: where to.
            key: the member id.
            value: from `shared.events.encode`, without a traceparent: that of the member's newest
                event in the batch is put in.
        """
        trace = self.traces.get(key)
        if trace is not None:
            value = b'%b,"traceparent":%b}' % (value[:-1], _encode(trace))
        self.outgoing.append(Outgoing(topic, self.partition, key.encode(), value))

    def emit_elsewhere(self, topic: str, key: str, value: bytes) -> None:
        """Send a message to whichever partition its key belongs to."""
        raw = key.encode()
        self.outgoing.append(Outgoing(topic, partition_of(raw, self.partitions), raw, value))


class BatchHandler(Protocol):
    """What a consumer does with a batch, inside of its transaction."""

    async def handle(self, tx: Transaction, arrived: Sequence[Arrived], batch: Batch) -> None:
        """Apply the events of a batch and the timers due, all through `tx` and `batch`."""
        ...

    def forget(self, partition: int) -> None:
        """Somebody else may have written this partition: remember nothing of it."""
        ...

    async def next_due(self, tx: Transaction, partition: int) -> Instant | None:
        """When the next timer of the partition is due; None where there is none."""
        ...

    def owes(self, partition: int) -> bool:
        """Whether there is work beside events and timers: batches with `anew_max` do it."""
        ...

    async def pass_over(self, tx: Transaction, partition: int) -> None:
        """Put the next of that work off, for it makes the handler fail."""
        ...

    async def park(
        self, tx: Transaction, partition: int, until: Instant
    ) -> tuple[str, Instant] | None:
        """Take the soonest due timer out of the queue, for it makes the handler fail.

        Returns:
            Whose timer, and when it was due; None when none is due.
        """
        ...

    async def unpark(
        self, tx: Transaction, partition: int, member_id: str, due_at: Instant
    ) -> None:
        """Put a parked timer back."""
        ...


class WithoutTimers:
    """The half of a handler that has no timers and remembers nothing."""

    def forget(self, partition: int) -> None:
        """There is nothing to forget."""

    async def next_due(
        self,
        tx: Transaction,  # noqa: ARG002 - what the protocol gives
        partition: int,  # noqa: ARG002
    ) -> Instant | None:
        """There is none."""
        return None

    def owes(self, partition: int) -> bool:  # noqa: ARG002 - what the protocol gives
        """Nothing."""
        return False

    async def pass_over(self, tx: Transaction, partition: int) -> None:
        """There is nothing to put off."""

    async def park(
        self,
        tx: Transaction,  # noqa: ARG002 - what the protocol gives
        partition: int,  # noqa: ARG002
        until: Instant,  # noqa: ARG002
    ) -> tuple[str, Instant] | None:
        """There is none."""
        return None

    async def unpark(
        self,
        tx: Transaction,
        partition: int,
        member_id: str,
        due_at: Instant,
    ) -> None:
        """There is none to put back."""
