"""A lane: one partition of one consumer, worked off by one task, one transaction a batch."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from shared.backoff import Backoff, rest
from shared.clock import Instant
from shared.db import Transaction, WriteSet, is_transient
from shared.kafka.consumer import GroupConsumer
from shared.outbox import DirectOutbox
from shared.runtime import positions
from shared.runtime.anew_pace import AnewPace
from shared.runtime.batch import Arrived, Batch
from shared.runtime.clock_mark import clock_mark
from shared.runtime.commands.settling import Settling
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.convoy import Convoy
from shared.runtime.intake import Intake, Taken
from shared.runtime.lane_reading import LaneReading
from shared.runtime.lane_report import LaneReport
from shared.runtime.lane_topics import LaneTopics
from shared.runtime.positions import Fenced, Position
from shared.runtime.repair import Repair

log = logging.getLogger(__name__)

_ROOM_LEAST = 2_000
_COMMIT_SECONDS = 5.0
_FENCED_SECONDS = 10.0  # a rebalance, if there is one, is over by then
_TIMERS_AT_ONCE = 2_000
_LIVE_EVENTS = 100
"""A batch of so few is written as one statement, and published by the lane itself."""
_LIVE_MESSAGES = 1_000
_FIRST_EVENTS = 250  # a small first batch: whoever comes back has output the sooner


class Lane:
    """One partition of a consumer.

    The order of a batch is fixed:

    1. poll and decode; take the next records in the order of their event times,
    2. BEGIN; move the positions by compare-and-set (also the lock and the fence),
    3. set undecodable records aside,
    4. the handler: drop duplicates, decide, write,
    5. mark the clock (stream clock only), write the outbox,
    6. COMMIT, which wakes the relay; tell Kafka's lag tools.

    Timers that fell due for other members follow in batches of their own, so that a failing timer
    never condemns an event.

    An error that passes by itself is waited out with the batch in hand. Any other error is some
    event's fault: the batch is cut in half until that event stands alone, and it becomes a dead
    letter.
    """

    def __init__(
        self,
        spec: ConsumerSpec,
        partition: int,
        consumer: GroupConsumer,
        place: Workplace,
        convoy: Convoy,
    ) -> None:
        """Describe the lane; `run` works."""
        self._spec = spec
        self._partition = partition
        self._consumer = consumer
        self._place = place
        self._convoy = convoy
        self._name = f"lane {spec.name}-{partition}"
        self._check = place.health.loop(self._name)
        self._report = LaneReport(place.metrics, place.clock, partition)
        self._topics = LaneTopics(self._name, partition, consumer, place.clock, self._report)
        self._repair = Repair(spec, partition, place)
        self._outbox = DirectOutbox(f"{spec.name}-{partition}", partition, place.poster)
        self._backoff = Backoff()
        self._stopping = asyncio.Event()
        self._reading = LaneReading(spec, partition, consumer, place.clock, self._report)
        self._held: dict[str, Position] = {}
        self._intake = self._empty_intake(positions.BEGINNING)
        self._next_due: Instant | None = None
        self._timers_max = _TIMERS_AT_ONCE
        self._events_max = _FIRST_EVENTS
        self._marked = positions.BEGINNING
        self._committed_at = 0.0
        self._settling = Settling(spec, partition, consumer)
        self._anew = AnewPace()

    def stop(self) -> None:
        """Finish the batch in hand and no more."""
        self._stopping.set()
        self._reading.stop()

    def identify(self, ids: Mapping[str, UUID | None]) -> None:
        """Hear which topics bear the names now; where one has changed, the lane begins again."""
        self._topics.hear(ids)

    async def run(self) -> None:
        """Own the partition and work until told to stop."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._own()
                    while not (self._topics.stale or self._stopping.is_set()):
                        await self._turn()
                    if not self._topics.stale:
                        await self._tidy()
                except Fenced as fenced:
                    log.warning("fenced out, waiting for the group: %s", fenced)
                    self._check.down("fenced out by another process")
                    await rest(self._stopping, _FENCED_SECONDS)
        finally:
            self._place.health.remove(self._name)

    # --- owning ---------------------------------------------------------------------------------

    async def _own(self) -> None:
        """Raise the fence, learn where the database stands, and go there."""
        failures, spec = 0, self._spec
        anew: list[str] = []
        await self._topics.ask()
        while not self._stopping.is_set():
            try:
                async with self._place.database.transaction() as tx:
                    self._held, anew = await positions.claim(
                        tx,
                        spec.name,
                        self._partition,
                        spec.topics,
                        ids=self._topics.ids,
                        shorter=self._topics.shorter,
                    )
                    self._next_due = await self._spec.handler.next_due(tx, self._partition)
                    await self._outbox.take_over(tx)
                await self._settling.claimed()
                break
            except Exception as error:  # noqa: BLE001 - re-raised unless it passes by itself
                failures += 1
                await self._wait_out(error, failures)
        else:
            return
        self._topics.begun(anew)
        self._spec.handler.forget(self._partition)
        self._intake = self._empty_intake(self._until())
        self._marked = positions.BEGINNING
        self._events_max = min(_FIRST_EVENTS, self._place.batch_events)
        for topic, position in self._held.items():
            if not self._consumer.seek(topic, self._partition, position.position):
                raise Fenced(f"{self._name}: not assigned any more")
        self._check.up(self._topics.remark)

    def _empty_intake(self, until: Instant) -> Intake:
        # more than a batch: the facts of an upstream batch are all here when its mark comes
        room = max(_ROOM_LEAST, self._place.batch_events * 3 // 2)
        return Intake(self._spec.inputs, stream=self._spec.stream, until=until, room=room)

    # --- a turn of the loop -----------------------------------------------------------------------

    async def _turn(self) -> None:
        """Read what there is, then handle what may be handled."""
        self._check.beat()
        owes = self._spec.handler.owes(self._partition)
        await self._reading.read(self._intake, self._events_max, self._next_due, hurry=owes)
        if self._topics.look(self._held):
            return  # what was read is of another topic: it is read again
        taken = self._intake.take(self._events_max, self._place.clock.now())
        if taken.records:
            if not (self._is_live(taken) and await self._ride(taken)):
                await self._handle(taken)
            self._events_max = min(self._events_max * 2, self._place.batch_events)
        while self._has_due(taken.until) and not self._stopping.is_set():
            await self._handle(Taken([], taken.until))
        if self._spec.handler.owes(self._partition) and not self._stopping.is_set():
            with self._anew.turn() as members:
                await self._handle(Taken([], taken.until, anew=members))
        owed = self._has_mark(taken.until) or self._settling.is_due(self._held)
        if owed and not self._stopping.is_set():
            await self._handle(Taken([], taken.until))
        self._report.where(taken.until)
        if not taken.records:
            await self._tidy()
        await self._look_around()

    def _has_due(self, until: Instant) -> bool:
        return self._next_due is not None and self._next_due <= until

    def _has_mark(self, until: Instant) -> bool:
        return self._spec.stream and self._spec.output is not None and until > self._marked

    # --- one batch ------------------------------------------------------------------------------

    async def _handle(self, taken: Taken) -> None:
        """Apply a batch, whatever it takes: wait out what passes, set aside what is poison."""
        failures = 0
        culprit: Exception | None = None
        while culprit is None:
            self._check.beat()  # looking for many culprits takes its time
            try:
                await self._commit(taken)
                break
            except Fenced:
                raise
            except Exception as error:
                if not is_transient(error):
                    culprit = error
                    continue
                failures += 1
                await self._wait_out(error, failures)
                if self._stopping.is_set():
                    raise Fenced(f"{self._name}: told to stop while waiting") from error
        if failures:
            self._check.up(self._topics.remark)
        if culprit is not None:
            await self._isolate(taken, culprit)

    async def _isolate(self, taken: Taken, error: Exception) -> None:
        """Halve until the culprit stands alone."""
        records = taken.records
        if len(records) > 1:
            log.warning("%s: looking for the culprit of %d: %r", self._name, len(records), error)
            middle = len(records) // 2
            between = max(min(records[middle].order.at, taken.until), self._until())
            await self._handle(Taken(records[:middle], between))
            await self._handle(Taken(records[middle:], taken.until))
        elif records and records[0].error is None:
            log.error("%s: dead letter: %r", self._name, error, exc_info=error)
            await self._handle(Taken([records[0].condemned(error)], taken.until))
        elif records and not records[0].bare:
            # even setting it aside fails: without all that may be the reason
            log.error("%s: cannot be set aside as it is: %r", records[0].place, error)
            self._report.last_resort(records[0].record)
            await self._handle(Taken([replace(records[0], bare=True)], taken.until))
        elif records:
            log.critical("%s: cannot be kept and is passed over: %r", records[0].place, error)
            self._report.last_resort(records[0].record)
            await self._handle(Taken([], taken.until, after=(records[0].record,)))
        elif taken.anew:
            if not self._anew.slower():
                await self._repair.pass_over(self._held, error)
        elif self._timers_max > 1:
            self._timers_max = max(1, self._timers_max // 8)
        else:
            log.error("%s: a timer is a dead letter: %r", self._name, error, exc_info=error)
            self._next_due = await self._repair.park(self._held, taken.until, error)
            self._report.dead_letter(self._spec.topics[0], "timer")

    async def _commit(self, taken: Taken) -> None:
        """One transaction of this lane's own; see the class for its order.

        Without records, it works off timers.
        """
        await self._outbox.settle()
        async with self._place.database.transaction() as tx:
            committed = await self.stage(tx, taken)
        committed()
        await self._tell_kafka()

    async def _ride(self, taken: Taken) -> bool:
        """Commit a small batch together with those of other lanes; False when it could not be."""
        await self._outbox.settle()
        if not await self._convoy.ride(partial(self.stage, taken=taken)):
            return False
        await self._tell_kafka()
        return True

    async def stage(self, tx: Transaction, taken: Taken) -> Callable[[], None]:
        """Read and write all of a batch; returns what is to be done once it is committed."""
        started = time.perf_counter()
        spec, live = self._spec, isinstance(tx, WriteSet)
        batch = self._repair.batch(taken.until)
        batch.anew_max = taken.anew
        if not (taken.records or taken.anew) and self._has_due(taken.until):
            batch.timers_max = self._timers_max
        passed = [*taken.after, *(each.record for each in taken.records)]
        until = max(taken.until, self._until())
        reached = positions.after(self._held, passed, until)
        self._settling.tell(batch, reached)
        applied = [each for each in taken.records if each.error is None and not each.is_mark]
        await positions.move(tx, spec.name, self._partition, self._held, reached)
        await self._set_aside(tx, taken.records, batch)
        handling = time.perf_counter()
        next_due = self._next_due
        if applied or batch.timers_max or batch.anew_max or batch.settling:
            await spec.handler.handle(tx, applied, batch)
            if live:
                next_due = _sooner(next_due, batch.soonest_due)
            else:
                next_due = await spec.handler.next_due(tx, self._partition)
        self._report.phase("handle", handling)
        marked = self._marked
        if next_due is None or next_due > taken.until:
            marked = self._mark(batch)
        few = not spec.stream and len(batch.outgoing) <= _LIVE_MESSAGES
        plan = await self._outbox.append(tx, batch.outgoing, batch.now, direct=few)

        def committed() -> None:
            self._outbox.committed(plan)
            self._held, self._next_due, self._marked = reached, next_due, marked
            self._settling.committed(batch)
            if batch.timers_max:
                self._timers_max = min(self._timers_max * 2, _TIMERS_AT_ONCE)
            for each in batch.committed:
                each()
            self._report.committed(applied, batch, started)

        return committed

    def _is_live(self, taken: Taken) -> bool:
        """Whether a batch is small and plain enough to go together with others."""
        few = len(taken.records) <= _LIVE_EVENTS
        plain = self._settling.done and not self._spec.stream
        return plain and few and all(each.error is None for each in taken.records)

    def _behind(self, topic: str) -> int | None:
        """The offset that is read next, where nothing before it waits here."""
        if self._intake.holds(topic):
            return None
        return self._consumer.reached(topic, self._partition)

    def _until(self) -> Instant:
        return max(position.until for position in self._held.values())

    async def _set_aside(self, tx: Transaction, records: Sequence[Arrived], batch: Batch) -> None:
        """Make dead letters of the records that carry an error."""
        for each in records:
            if each.error is not None:
                kind = await self._repair.set_aside(tx, each, batch)
                self._report.dead_letter(each.record.topic, kind)

    def _mark(self, batch: Batch) -> Instant:
        """Say how far we have come, also when there was nothing to say."""
        spec = self._spec
        if not self._has_mark(batch.until) or spec.output is None:
            return self._marked
        subject, value = clock_mark(spec, self._partition, batch)
        batch.emit(spec.output, subject, value)
        return batch.until

    # --- waiting and telling ----------------------------------------------------------------------

    async def _look_around(self) -> None:
        """Every few seconds: what somebody wants replayed, and timers that others have moved."""
        try:
            if await self._repair.look_for_replays(self._held, self._until()):
                async with self._place.database.transaction() as tx:
                    self._next_due = await self._spec.handler.next_due(tx, self._partition)
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001 - re-raised unless it passes by itself
            await self._wait_out(error, 1)

    async def _tidy(self) -> None:
        """Delete from the outbox what is published, and pass the marks of transactions.

        Usually the next batch does it.
        """
        if not self._held:
            return
        beyond = positions.beyond_marks(self._held, self._behind)
        if self._outbox.dirty or beyond != self._held:
            try:
                async with self._place.database.transaction() as tx:
                    await positions.move(tx, self._spec.name, self._partition, self._held, beyond)
                self._held = beyond
                await self._commit(Taken([], self._until()))
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("%s: its outbox is tidied up later: %r", self._name, error)

    async def _wait_out(self, error: Exception, failures: int) -> None:
        """Back off; re-raise what does not pass by itself."""
        if not is_transient(error):
            raise error
        seconds = self._backoff.seconds(failures, self._place.chance)
        log.warning("%s: trying again in %.2f s: %r", self._name, seconds, error)
        self._check.down(f"waits for the database: {type(error).__name__}")
        self._report.backed_off()
        await rest(self._stopping, seconds)

    async def _tell_kafka(self) -> None:
        now = time.monotonic()
        if now - self._committed_at >= _COMMIT_SECONDS:
            self._committed_at = now
            await self._consumer.commit(
                self._partition, {topic: held.position for topic, held in self._held.items()}
            )


def _sooner(one: Instant | None, other: Instant | None) -> Instant | None:
    """The earlier of two instants; one that is too early costs a look at the due queue."""
    return min((each for each in (one, other) if each is not None), default=None)
