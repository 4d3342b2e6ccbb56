"""A small service to drive the runtime with: it counts what members spend, and when they lapse.

Its machine is order-sensitive on purpose (each purchase notes the running total, a member lapses
ten days after the last purchase), so a wrong order, a lost event or a doubled one shows.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from shared.clock import DAY, Clock, Instant, WallClock
from shared.db import Database, Transaction
from shared.db.database import KEYED_LOOKUPS
from shared.events import Event, encode, types
from shared.events.facts import PurchaseCompleted
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Message, Outcome, Producer
from shared.observability.metrics import Metrics
from shared.orders import WithoutOrders
from shared.outbox import Relay
from shared.runtime import tables
from shared.runtime.batch import Batch, Input
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.group import LaneGroup
from shared.runtime.http.health import HealthBoard
from shared.runtime.machine import Outcome as Told
from shared.runtime.publishing import OutboxGauges, OutboxPublisher
from shared.runtime.timeline import TimelineHandler

PARTITIONS = 2
LAPSE = 10 * DAY


class Spent(msgspec.Struct, array_like=True):
    """What is remembered of a purchase."""

    event_id: str
    total: int


class History(msgspec.Struct, array_like=True):
    """A member's state."""

    total: int = 0
    lapses_at: Instant | None = None
    awaited: tuple[bytes, ...] = ()


class Noted(msgspec.Struct, array_like=True, frozen=True):
    """An effect."""

    what: str
    at: Instant
    total: int


@dataclass
class CountingMachine(WithoutOrders[Any]):
    """Counts; fails on what is named as poison, and has far too much to say on what is wordy."""

    poison: set[str] = field(default_factory=set)
    poisoned_timers: set[int] = field(default_factory=set)
    wordy: set[str] = field(default_factory=set)
    state_type = History
    fact_type = Spent

    def initial(self, member_id: UUID) -> History:
        return History()

    def remember(self, event: Event) -> Spent | None:
        if event.type != types.PURCHASE_COMPLETED:
            return None
        return Spent(event.id, event.data.total)

    def supersedes(self, fact: Spent) -> str | None:
        return fact.event_id.removeprefix("instead-of-") if "instead-of-" in fact.event_id else None

    def needs_history(self, state: History, at: Instant, fact: Spent) -> bool:
        return False

    def apply(self, state: History, at: Instant, fact: Spent, effects: list[Noted]) -> None:
        if fact.event_id in self.poison:
            raise ValueError(f"cannot digest {fact.event_id}")
        state.total += fact.total
        state.lapses_at = at + LAPSE
        what = "bought" if fact.event_id not in self.wordy else "bought" * 200_000
        effects.append(Noted(what, at, state.total))

    def due(self, state: History) -> Instant | None:
        return state.lapses_at

    def fire(self, state: History, effects: list[Noted]) -> None:
        if state.total in self.poisoned_timers:
            raise ValueError("cannot lapse")
        assert state.lapses_at is not None
        effects.append(Noted("lapsed", state.lapses_at, state.total))
        state.lapses_at = None


@dataclass
class NotingEffectWriter:
    """Writes the effects; a history folded anew replaces what was noted of it."""

    output: str

    async def prepare(self, tx: Transaction) -> None:
        return

    async def write(
        self, tx: Transaction, outcomes: Sequence[Told[History, Noted]], batch: Batch
    ) -> None:
        again = [each.member_id for each in outcomes if each.rebuilt]
        if again:
            await tx.execute("DELETE FROM noted WHERE member_id = ANY($1::uuid[])", again)
        rows = [
            (each.member_id, effect.what, effect.at, effect.total)
            for each in outcomes
            for effect in each.effects
        ]
        await tx.copy("noted", ("member_id", "what", "at", "total"), rows)
        for member_id, what, at, total in rows:
            batch.emit(self.output, str(member_id), f"{what} {at} {total}".encode())


@dataclass
class Chain:
    """The service, its topics and its database."""

    bootstrap: str
    database_url: str
    events: str
    decisions: str
    output: str
    group: str
    clock: Clock = field(default_factory=WallClock)
    stream: bool = False
    batch_events: int = 100
    machine: CountingMachine = field(default_factory=CountingMachine)

    async def create_tables(self) -> None:
        metadata = MetaData()
        tables.attach(metadata)
        engine = create_async_engine(self.database_url.replace("://", "+asyncpg://", 1))
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await connection.exec_driver_sql(
                "CREATE TABLE noted (member_id uuid, what text, at bigint, total bigint)"
            )
        await engine.dispose()

    def place(self, database: Database, producer: Producer | None = None) -> Workplace:
        return Workplace(
            database=database,
            clock=self.clock,
            metrics=Metrics(self.group),
            health=HealthBoard(self.clock),
            partitions=PARTITIONS,
            batch_events=self.batch_events,
            chance=random.Random(1),
            poster=None if producer is None else OutboxPublisher(producer),
        )

    def spec(self) -> ConsumerSpec:
        handler = TimelineHandler(self.machine, NotingEffectWriter(self.output))
        return ConsumerSpec(
            name=self.group,
            inputs=(Input(self.events), Input(self.decisions)),
            handler=handler,
            source="urn:test",
            output=self.output if self.stream else None,
            stream=self.stream,
        )

    @asynccontextmanager
    async def running(
        self, *, instance: str | None = None, relay: bool = False
    ) -> AsyncIterator[Workplace]:
        """Run a process of the service, in this one."""
        database = Database(
            self.database_url, application_name="test", server_settings=KEYED_LOOKUPS
        )
        stop = asyncio.Event()
        try:
            async with (
                Producer(self.bootstrap, client_id="test") as producer,
                asyncio.TaskGroup() as tasks,
            ):
                place = self.place(database, producer if relay else None)
                group = LaneGroup(self.spec(), self.bootstrap, place, instance=instance)
                tasks.create_task(group.run(stop))
                if relay:
                    gauges = OutboxGauges(place.metrics, place.health)
                    publisher = OutboxPublisher(producer)
                    tasks.create_task(Relay(database, publisher, gauges).run(stop))
                try:
                    yield place
                finally:
                    stop.set()
        finally:
            await database.close()

    async def publish(self, values: Sequence[tuple[str, str, bytes]]) -> None:
        """Publish (topic, key, value)."""
        async with Producer(self.bootstrap, client_id="test") as producer:
            outcomes = await producer.send_many(
                [
                    Message(topic, partition_of(key.encode(), PARTITIONS), key.encode(), value)
                    for topic, key, value in values
                ],
                20,
            )
            assert set(outcomes) <= {Outcome.CONFIRMED}, outcomes

    async def fetch(self, sql: str, *args: object) -> list[tuple[object, ...]]:
        database = Database(self.database_url, application_name="test")
        try:
            async with database.transaction() as tx:
                return [tuple(row) for row in await tx.fetch(sql, *args)]
        finally:
            await database.close()

    async def until(self, sql: str, expected: object, *args: object) -> None:
        """Wait until the first column of the first row is this."""
        async with asyncio.timeout(25):
            while True:
                rows = await self.fetch(sql, *args)
                if rows and rows[0][0] == expected:
                    return
                await asyncio.sleep(0.05)

    async def notes(self) -> list[tuple[object, ...]]:
        return await self.fetch("SELECT member_id, what, at, total FROM noted ORDER BY 1, 3, 2, 4")

    async def handled(self, count: int) -> None:
        """Wait until the positions have come this far, all partitions and topics together."""
        await self.until("SELECT coalesce(sum(position), 0)::int FROM positions", count)


def purchase(member: UUID, number: int, at: Instant, *, event_id: str | None = None) -> bytes:
    """A purchase; `number` is its id and its amount."""
    return encode(
        type=types.PURCHASE_COMPLETED,
        source="urn:test:pos",
        id=event_id or f"order-{number}",
        subject=str(member),
        at=at,
        data=PurchaseCompleted(
            order_id=f"o{number}",
            store_id="s1",
            currency="CNY",
            total=number,
            channel="store",
            lines=[],
        ),
        recorded_at=at,
    )
