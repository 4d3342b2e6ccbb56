"""A ledger on a real PostgreSQL, fed by hand: batches in, the whole of the books out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from prometheus_client import CollectorRegistry

from services.points.__main__ import parse
from services.points.domain.ledger import State
from services.points.domain.machine import PointsMachine
from services.points.domain.versions import Versions
from services.points.handlers.effects import PointsEffectWriter
from services.points.handlers.simulation import Simulator
from services.points.metrics import LedgerFigures
from shared.clock import Clock, WallClock
from shared.db import Database
from shared.events import Event, decode, topics, types
from shared.kafka.consumer import Record
from shared.observability.metrics import Metrics
from shared.runtime.anew import Anew
from shared.runtime.batch import Arrived, Batch
from shared.runtime.program import ProgramHistory, ProgramPart
from shared.runtime.timeline import TimelineHandler
from shared.timers.timelines import Order

_BALANCED = """
SELECT (SELECT count(*) FROM lots WHERE remaining < 0 OR remaining > granted) AS bad_lots,
       (SELECT coalesce(sum(points), 0) FROM flows)
         - (SELECT coalesce(sum(points), 0) FROM transfers) AS unbalanced,
       (SELECT coalesce(sum(CASE credit WHEN 'available' THEN points ELSE -points END), 0)
          FROM flows)
         - (SELECT coalesce(sum(available + held + pending), 0) FROM accounts) AS unowned,
       (SELECT count(*) FROM accounts a
          LEFT JOIN (SELECT member_id, sum(remaining) AS points FROM lots GROUP BY 1) l
               USING (member_id)
          LEFT JOIN (SELECT member_id,
                            sum(CASE credit WHEN 'available' THEN points ELSE -points END) AS points
                       FROM transfers GROUP BY 1) t USING (member_id)
         WHERE greatest(0, a.available) + a.held + a.pending <> coalesce(l.points, 0)
            OR a.available <> coalesce(t.points, 0)) AS wrong_accounts
"""

_NET = """
SELECT event_id, rule, event_at, store_id,
       sum(CASE credit WHEN 'available' THEN points ELSE -points END)::bigint AS points
  FROM transfers WHERE member_id = $1 GROUP BY 1, 2, 3, 4
HAVING sum(CASE credit WHEN 'available' THEN points ELSE -points END) <> 0
"""


@dataclass
class Ledger:
    """One service's database with the real handler over it."""

    database: Database
    document: Mapping[str, Any]
    clock: Clock = field(default_factory=WallClock)
    topic: str = topics.POINTS
    facts: str = topics.EVENTS

    def __post_init__(self) -> None:
        self.part = ProgramPart("points", parse, self.document)
        self.history = ProgramHistory(self.part, self.clock)
        self.versions = Versions()
        self.machine = PointsMachine(self.versions)
        self.metrics = Metrics("points", CollectorRegistry())
        self.effects = PointsEffectWriter(
            self.history,
            self.versions,
            LedgerFigures(self.metrics),
            topic=self.topic,
            facts=self.facts,
        )
        anew = Anew(self.history, by_time=False)
        self.handler = TimelineHandler(self.machine, self.effects, anew=anew)

    def simulator(self) -> Simulator:
        unseen = LedgerFigures(Metrics("points", CollectorRegistry()))
        rehearsal = PointsEffectWriter(self.history, self.versions, unseen, rehearse=True)
        return Simulator(self.database, self.machine, rehearsal, self.versions, self.clock, 1)

    async def take(self, *events: Event, partition: int = 0) -> list[Event]:
        """Commit one batch; answers what it published."""
        batch = Batch(partition=partition, partitions=1, now=self.clock.now(), until=0)
        arrived = [
            Arrived(
                Record("test", 0, 0, 0, None, None, ()),
                Order(event.at, int(event.type == types.TIER_CHANGED), event.key),
                event,
            )
            for event in events
        ]
        async with self.database.transaction() as tx:
            await self.handler.handle(tx, arrived, batch)
        return [decode(message.value) for message in batch.outgoing]

    async def fetch(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.database.transaction(read_only=True) as tx:
            return [tuple(row) for row in await tx.fetch(sql, *args)]

    async def check(self) -> None:
        """The invariants that hold after every batch."""
        assert await self.fetch(_BALANCED) == [(0, 0, 0, 0)]

    async def net(self, member: UUID) -> set[tuple[Any, ...]]:
        """Points by event, rule, time and store: what must not depend on how events came."""
        return set(await self.fetch(_NET, member))

    async def lots(self, member: UUID) -> set[tuple[Any, ...]]:
        """What is left of which grant; the name is the same whatever happened before."""
        sql = "SELECT id, event_at, granted, remaining, expires_on FROM lots WHERE member_id = $1"
        return set(await self.fetch(sql, member))

    async def state(self, member: UUID) -> State:
        [(raw,)] = await self.fetch("SELECT state FROM timelines WHERE member_id = $1", member)
        return msgspec.msgpack.decode(raw, type=State)


def about(member: UUID, events: Sequence[Event]) -> list[Event]:
    """The same events, of another member."""
    return [msgspec.structs.replace(event, subject=str(member)) for event in events]
