"""Setting aside what cannot be processed, and applying it again when somebody asks."""

import logging
import time
from collections.abc import Mapping

from shared.clock import Instant
from shared.db import Transaction, is_transient
from shared.kafka.consumer import Record
from shared.outbox import append
from shared.runtime import dead_letters, positions
from shared.runtime.batch import Arrived, Batch
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.dead_letters import DeadLetter, Kind
from shared.runtime.intake import read, unread
from shared.runtime.positions import Fenced, Position

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_LETTERS_AT_ONCE = 100


class Repair:
    """The dead letters of one lane; every write is fenced like a batch."""

    def __init__(self, spec: ConsumerSpec, partition: int, place: Workplace) -> None:
        """Serve this partition of a consumer."""
        self._spec = spec
        self._partition = partition
        self._place = place
        self._looked_at = 0.0

    def batch(self, until: Instant) -> Batch:
        """An empty batch of this lane."""
        return Batch(
            partition=self._partition,
            partitions=self._place.partitions,
            now=self._place.clock.now(),
            until=until,
            stream=self._spec.stream,
        )

    async def set_aside(self, tx: Transaction, each: Arrived, batch: Batch) -> Kind:
        """Make a dead letter of a record that carries an error."""
        kind: Kind = "undecodable" if each.event is None else "poison"
        event = each.event
        if each.bare:
            error = each.error or ""
            await dead_letters.insert_bare(
                tx, self._spec.name, each.record, error=error, now=batch.now
            )
            return "poison"
        await dead_letters.insert(
            tx,
            self._spec.name,
            each.record,
            kind=kind,
            error=each.error or "",
            now=batch.now,
            about=(None, None, None) if event is None else (event.type, event.id, event.subject),
        )
        batch.outgoing.append(
            dead_letters.announcement(self._spec.name, each.record, kind, each.error or "")
        )
        return kind

    async def park(
        self, held: Mapping[str, Position], until: Instant, error: Exception
    ) -> Instant | None:
        """Take the soonest due timer, which fails, out of the queue; returns the next one's due."""
        handler = self._spec.handler
        async with self._place.database.transaction() as tx:
            await positions.move(tx, self._spec.name, self._partition, held, held)
            parked = await handler.park(tx, self._partition, until)
            if parked is not None:
                member_id, due_at = parked
                await dead_letters.insert(
                    tx,
                    self._spec.name,
                    # a timer has no record: its position is the instant at which it was due
                    Record(
                        self._spec.topics[0],
                        self._partition,
                        due_at,
                        0,
                        member_id.encode(),
                        None,
                        (),
                    ),
                    kind="timer",
                    error=f"{type(error).__name__}: {error}",
                    now=self._place.clock.now(),
                    about=(None, None, member_id),
                )
            return await handler.next_due(tx, self._partition)

    async def pass_over(self, held: Mapping[str, Position], error: Exception) -> None:
        """Leave to the due queue whoever cannot be judged anew: there it is a timer's error."""
        log.error("%s: cannot be judged anew: %r", self._spec.name, error, exc_info=error)
        async with self._place.database.transaction() as tx:
            await positions.move(tx, self._spec.name, self._partition, held, held)
            await self._spec.handler.pass_over(tx, self._partition)

    async def look_for_replays(self, held: Mapping[str, Position], until: Instant) -> bool:
        """Apply again what somebody asked for, each in its own transaction; every few seconds.

        Returns:
            Whether it was time to look.
        """
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return False
        self._looked_at = now
        async with self._place.database.transaction() as tx:
            letters = await dead_letters.asked_for(
                tx, self._spec.name, self._partition, _LETTERS_AT_ONCE
            )
        for letter in letters:
            await self._replay(letter, held, until)
        return True

    async def _replay(
        self, letter: DeadLetter, held: Mapping[str, Position], until: Instant
    ) -> None:
        try:
            await self._apply_again(letter, held, until)
        except Fenced:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("dead letter %d of %s fails again", letter.id, self._spec.name)
            async with self._place.database.transaction() as tx:
                reason = f"{type(error).__name__}: {error}"
                await dead_letters.end_replay(tx, letter, self._place.clock.now(), failed=reason)

    async def _apply_again(
        self, letter: DeadLetter, held: Mapping[str, Position], until: Instant
    ) -> None:
        handler = self._spec.handler
        batch = self.batch(until if self._spec.stream else self._place.clock.now())
        async with self._place.database.transaction() as tx:
            await positions.move(tx, self._spec.name, self._partition, held, held)
            if letter.kind == "timer":
                await handler.unpark(tx, self._partition, letter.member_id or "", letter.position)
                await dead_letters.end_replay(tx, letter, batch.now)
                return
            index = self._spec.topics.index(letter.topic)
            record = letter.record()
            decoded = self._spec.inputs[index].decoded
            arrived = read(record, min(index, 1)) if decoded else unread(record)
            batch.replay = True
            if arrived.error is None:
                await handler.handle(tx, [arrived], batch)
            await dead_letters.end_replay(tx, letter, batch.now, failed=arrived.error)
            await append(tx, batch.outgoing, batch.now, partition=self._partition)
