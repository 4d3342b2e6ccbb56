"""Segmentation on a real PostgreSQL, fed by hand: batches in, tags, tiers and decisions out."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from prometheus_client import CollectorRegistry

from services.segmentation.__main__ import parse
from services.segmentation.domain.facts import (
    AnyFact,
    Community,
    Interaction,
    Joined,
    OrderMoved,
    ProfileFact,
    Purchase,
    Refund,
    Reversal,
    Withdrawal,
)
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Member
from services.segmentation.domain.rules import Versions, compile_program
from services.segmentation.handlers.effects import SegmentationEffectWriter
from services.segmentation.handlers.members import Reader
from services.segmentation.metrics import SegmentationFigures
from shared.clock import Clock, Instant, ManualClock
from shared.db import Database
from shared.events import Event, added, decode, event_key, types
from shared.events.decisions import TagsChanged, TierChanged
from shared.events.facts import (
    CommunityJoined,
    InteractionRecorded,
    InteractionWithdrawn,
    Line,
    MemberJoined,
    Profile,
    ProfileUpdated,
    PurchaseCompleted,
    PurchaseRefunded,
)
from shared.kafka.consumer import Record
from shared.observability.metrics import Metrics
from shared.runtime.anew import Anew
from shared.runtime.batch import Arrived, Batch
from shared.runtime.program import ProgramHistory, ProgramPart
from shared.runtime.timeline import TimelineHandler
from shared.timers.timelines import Order

SOURCE = "urn:test"
PARTITION = 0

Decided = tuple[Instant, bytes, str, TagsChanged | TierChanged]
"""When, the event's identity, the id, and what was decided."""


class Desk:
    """One partition of the service, without Kafka."""

    def __init__(
        self,
        database: Database,
        document: Mapping[str, Any],
        *,
        clock: Clock | None = None,
        stream: bool = True,
    ) -> None:
        self.database = database
        self.clock = clock or ManualClock()
        self.part = ProgramPart("segmentation", parse, document)
        first = compile_program(parse(document), version=0, effective_from=0)
        self.machine = SegmentationMachine(Versions([first]))
        figures = SegmentationFigures(Metrics("segmentation", CollectorRegistry()))
        history = ProgramHistory(self.part, self.clock)
        self.effects = SegmentationEffectWriter(history, self.machine, figures)
        anew = Anew(history, by_time=True)
        self.handler = TimelineHandler(self.machine, self.effects, anew=anew)
        self.reader = Reader(
            database,
            self.machine,
            self.clock,
            self.effects.prepare,
            partitions=1,
            stream=stream,
        )
        self.until: Instant = -(2**62)
        self.published: dict[UUID, list[Decided]] = {}

    async def take(
        self,
        events: Sequence[Event],
        until: Instant | None = None,
        *,
        timers: int = 0,
        anew: int = 0,
    ) -> Batch:
        """Handle a batch in its transaction; the clock moves at least to the last event."""
        self.until = max([self.until, *(event.at for event in events), until or -(2**62)])
        record = Record("events", PARTITION, 0, 0, None, b"", ())
        arrived = [
            Arrived(record, Order(event.at, 0, event.key), event)
            for event in sorted(events, key=lambda event: event.at)
        ]
        batch = Batch(
            partition=PARTITION,
            partitions=1,
            now=self.clock.now(),
            until=self.until,
            timers_max=timers,
            anew_max=anew,
            stream=True,
        )
        async with self.database.transaction() as tx:
            await self.handler.handle(tx, arrived, batch)
            await tx.execute(
                "INSERT INTO positions (partition, consumer, topic, position, until, epoch)"
                " VALUES (0, 'segmentation', 'events', 0, $1, 1)"
                " ON CONFLICT (partition, consumer, topic) DO UPDATE SET until = EXCLUDED.until",
                self.until,
            )
        for each in batch.committed:
            each()
        for message in batch.outgoing:
            event = decode(message.value)
            decided = (event.at, event.key, event.id, event.data)
            self.published.setdefault(UUID(event.subject), []).append(decided)
        return batch

    async def pass_time(self, until: Instant) -> int:
        """Let the clock go on to an instant with no event; returns how many timers fired."""
        fired = 0
        self.until = max(self.until, until)
        while True:
            async with self.database.transaction() as tx:
                due = await self.handler.next_due(tx, PARTITION)
            if due is None or due > until:
                return fired
            fired += (await self.take([], until, timers=1_000)).timers_fired

    async def fetch(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(sql, *args)]

    async def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that must not depend on how the facts arrived."""
        return {
            "tags": await self.fetch("SELECT member_id, tag, since FROM member_tags ORDER BY 1, 2"),
            "tiers": await self.fetch(
                "SELECT member_id, tier, level, since, until, grace_until FROM member_tiers"
                " ORDER BY 1"
            ),
            "history": await self.fetch(
                "SELECT member_id, at, kind, added, removed, before, now, until FROM changes"
                " WHERE NOT superseded AND (cardinality(added || removed) > 0"
                " OR before IS DISTINCT FROM now) ORDER BY 1, 2, 3"
            ),
            "features": await self.fetch("SELECT * FROM members_features ORDER BY member_id"),
            "states": await self.fetch(
                "SELECT member_id, due_at, state FROM timelines ORDER BY member_id"
            ),
        }

    async def states(self) -> dict[UUID, Member]:
        rows = await self.fetch("SELECT member_id, state FROM timelines")
        return {member: msgspec.msgpack.decode(state, type=Member) for member, state in rows}

    def folded(self, member: UUID) -> tuple[set[str], str | None]:
        """Tags and tier as a consumer of the topic has them."""
        decided = self.published.get(member, [])
        withdrawn = {data.supersedes for _, _, _, data in decided}
        tags: set[str] = set()
        tier: str | None = None
        for _, _, id_, data in sorted(decided, key=lambda each: (each[0], each[1])):
            if id_ in withdrawn:
                continue
            if isinstance(data, TagsChanged):
                tags = (tags - set(data.removed)) | set(data.added)
            else:
                tier = data.to
        return tags, tier


def event_of(member: UUID, at: Instant, name: str, fact: AnyFact) -> Event:
    """The event that a fact is remembered of."""
    kind, data = _withdrawn(fact) if isinstance(fact, Withdrawal) else _told(fact)
    return Event(
        id=name,
        source=SOURCE,
        type=kind,
        subject=str(member),
        at=at,
        data=data,
        key=event_key(SOURCE, name),
    )


def _withdrawn(fact: Withdrawal) -> tuple[str, msgspec.Struct]:
    _, _, name = fact.id.partition("-of-")
    return types.INTERACTION_WITHDRAWN, InteractionWithdrawn(id=name)


def _told(  # noqa: C901, PLR0911 - one for each kind of fact
    fact: AnyFact,
) -> tuple[str, msgspec.Struct]:
    match fact:
        case Purchase():
            return types.PURCHASE_COMPLETED, PurchaseCompleted(
                order_id=fact.order_id,
                store_id=fact.store_id,
                currency="CNY",
                total=fact.total,
                channel="store",
                lines=_lines(fact.lines),
            )
        case Refund():
            return types.PURCHASE_REFUNDED, PurchaseRefunded(
                order_id=fact.order_id,
                refund_id=fact.id,
                store_id="north",
                currency="CNY",
                amount=fact.amount,
                lines=_lines(fact.lines),
            )
        case Reversal() | Withdrawal():
            raise NotImplementedError
        case Interaction():
            return types.INTERACTION_RECORDED, InteractionRecorded(kind=fact.kind)
        case Joined():
            return types.MEMBER_JOINED, MemberJoined(
                store_id=fact.store_id, via="code", profile=_profile(fact.profile)
            )
        case ProfileFact():
            return types.MEMBER_PROFILE_UPDATED, ProfileUpdated(by="member", profile=_profile(fact))
        case Community():
            kind = types.COMMUNITY_JOINED if fact.entered else types.COMMUNITY_LEFT
            return kind, CommunityJoined(community_id=fact.community_id, store_id="north")
        case OrderMoved():
            return types.ORDER_MOVED, added.OrderMoved(
                order_id=fact.order_id, store_id=fact.store_id, from_="a", to="b", cause="c"
            )


def _profile(told: ProfileFact) -> Profile:
    return Profile(city=told.city, interests=list(told.interests) or None)


def _lines(lines: tuple[tuple[str, str, int], ...]) -> list[Line]:
    return [
        Line(sku=sku, category=category, quantity=1.0, amount=amount)
        for sku, category, amount in lines
    ]
