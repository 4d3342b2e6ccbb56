"""Notify's lane without Kafka: the real handlers over a real database, batch by batch."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from prometheus_client import CollectorRegistry

from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Program, Programs
from services.notify.handlers.controls import ControlBook, Waking
from services.notify.handlers.delivery_intake import DeliveryIntake
from services.notify.handlers.effects import NotifyEffectWriter
from services.notify.handlers.program import program_part
from services.notify.metrics import NotifyMetrics
from shared.clock import DAY, HOUR, Instant, ManualClock, parse_instant
from shared.db import Database
from shared.events import Event, decode, encode, topics, types
from shared.events.decisions import Because, TierChanged
from shared.events.facts import (
    ConsentChanged,
    ContactRemoved,
    Line,
    MemberJoined,
    PurchaseCompleted,
    PurchaseRefunded,
)
from shared.kafka.consumer import Record
from shared.runtime.anew import Anew
from shared.runtime.batch import Arrived, Batch
from shared.runtime.program import BEGINNING, ProgramHistory, ProgramPart
from shared.runtime.timeline import TimelineHandler
from shared.timers.timelines import Order
from tests.property.services.notify.notify_history import default_document

SundayNoon: Instant = parse_instant("2024-03-10T12:00:00Z")
MEMBER = UUID("0190b5a0-0000-7000-8000-000000000001")


def part(document: dict[str, Any] | None = None) -> ProgramPart[Program]:
    return program_part(document or default_document())


def event(
    type_: str,
    data: msgspec.Struct,
    at: Instant,
    *,
    id_: str,
    member: UUID = MEMBER,
    source: str = "urn:test:pos",
) -> Event:
    """An event as it comes from the log: written and read again."""
    value = encode(
        type=type_, source=source, id=id_, subject=str(member), at=at, data=data, recorded_at=at
    )
    return decode(value)


def purchase(
    order: str,
    at: Instant,
    *,
    member: UUID = MEMBER,
    total: int = 3520,
    id_: str | None = None,
) -> Event:
    line = Line(sku="sku-1", category="GROCERY", quantity=1, amount=total)
    data = PurchaseCompleted(
        order_id=order, store_id="s1", currency="CNY", total=total, channel="store", lines=[line]
    )
    return event(types.PURCHASE_COMPLETED, data, at, id_=id_ or f"purchase-{order}", member=member)


def refund(order: str, at: Instant, *, member: UUID = MEMBER) -> Event:
    data = PurchaseRefunded(
        order_id=order, refund_id=f"r-{order}", store_id="s1", currency="CNY", amount=3520
    )
    return event(types.PURCHASE_REFUNDED, data, at, id_=f"refund-{order}", member=member)


def joined(at: Instant, *, member: UUID = MEMBER) -> Event:
    data = MemberJoined(store_id="s1", via="code")
    return event(types.MEMBER_JOINED, data, at, id_=f"joined-{member}", member=member)


def consent(at: Instant, *, granted: bool, member: UUID = MEMBER) -> Event:
    data = ConsentChanged(channel="wecom", granted=granted, source="member")
    return event(types.MEMBER_CONSENT_CHANGED, data, at, id_=f"consent-{at}", member=member)


def contact_removed(at: Instant, *, member: UUID = MEMBER) -> Event:
    data = ContactRemoved(staff_id="staff-1", store_id="s1")
    return event(types.CONTACT_REMOVED, data, at, id_=f"contact-{at}", member=member)


def tier(to: str, at: Instant, *, id_: str, supersedes: str | None = None) -> Event:
    because = Because(rule="tiers", event_id="purchase-1")
    data = TierChanged(from_="member", to=to, because=because, supersedes=supersedes)
    return event(types.TIER_CHANGED, data, at, id_=id_, source="urn:regulars:segmentation")


class NotifyLane:
    """One partition of notify."""

    def __init__(
        self, database: Database, clock: ManualClock, document: dict[str, Any] | None = None
    ) -> None:
        self.database = database
        self.clock = clock
        mine = part(document)
        self.history = ProgramHistory(mine, clock)
        self.machine = NotifyMachine(Programs([(BEGINNING, 1, mine.parse(mine.default))]))
        self.metrics = NotifyMetrics(CollectorRegistry())
        self.book = ControlBook()
        writer = NotifyEffectWriter(self.machine, self.history, self.metrics, self.book)
        anew = Anew(self.history, by_time=True, waking=Waking(self.book))
        self.handler = TimelineHandler(self.machine, writer, anew=anew)
        self._offset = 0

    async def prepare(self) -> None:
        async with self.database.transaction() as tx:
            await self.history.refresh(tx)

    async def feed(
        self, events: Sequence[Event], until: Instant | None = None, *, stream: bool = True
    ) -> list[Event]:
        """One batch; with the wall clock the lane stands at its clock. Returns what goes out."""
        reached = max((each.at for each in events), default=0) if until is None else until
        batch = Batch(
            partition=0,
            partitions=1,
            now=self.clock.now(),
            until=reached if stream else self.clock.now(),
            timers_max=0 if events else 1_000,
            stream=stream,
        )
        async with self.database.transaction() as tx:
            await self.handler.handle(tx, [self._arrived(each) for each in events], batch)
            await tx.execute(
                "INSERT INTO positions (partition, consumer, topic, position, until, epoch)"
                " VALUES (0, 'notify', 'events', 0, $1, 1)"
                " ON CONFLICT (partition, consumer, topic)"
                " DO UPDATE SET until = greatest(positions.until, EXCLUDED.until)",
                batch.until,
            )
        return [decode(message.value) for message in batch.outgoing]

    async def turn(self, until: Instant, *, anew: int) -> tuple[Batch, list[Event]]:
        """A batch that only judges members anew, so many at most."""
        batch = Batch(
            partition=0,
            partitions=1,
            now=self.clock.now(),
            until=until,
            anew_max=anew,
            stream=True,
        )
        async with self.database.transaction() as tx:
            await self.handler.handle(tx, [], batch)
        for each in batch.committed:
            each()
        return batch, [decode(message.value) for message in batch.outgoing]

    async def queue(self, events: Sequence[Event]) -> None:
        """What the delivery intake does with jobs."""
        batch = Batch(partition=0, partitions=1, now=self.clock.now(), until=self.clock.now())
        async with self.database.transaction() as tx:
            arrived = [self._arrived(each) for each in events]
            await DeliveryIntake().handle(tx, arrived, batch)

    def _arrived(self, each: Event) -> Arrived:
        self._offset += 1
        rank = 0 if topics.topic_of(each.type) == topics.EVENTS else 1
        record = Record(topics.EVENTS, 0, self._offset, 0, each.subject.encode(), b"", ())
        return Arrived(record, Order(each.at, rank, each.key), each)


def days(count: float) -> Instant:
    return int(count * DAY)


def hours(count: float) -> Instant:
    return int(count * HOUR)
