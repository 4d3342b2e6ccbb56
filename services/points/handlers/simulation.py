"""What an event would earn: the real path through runtime, machine and books, rolled back."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.points.domain.machine import PointsMachine
from services.points.domain.versions import Versions
from services.points.handlers.accounts import Explained, explained
from services.points.handlers.effects import PointsEffectWriter
from services.points.store import views
from services.points.store.views import Account, RemarkRow
from shared.clock import Clock, Instant
from shared.db import Database, Transaction
from shared.events import Event, event_key, facts, types
from shared.events.decisions import Because, TierChanged
from shared.kafka.consumer import Record
from shared.kafka.partitioner import member_key, partition_of
from shared.runtime.batch import Arrived, Batch
from shared.runtime.timeline import TimelineHandler
from shared.timers.timelines import Order

_SOURCE = "urn:regulars:simulation"
_REMARKS_MAX = 100
_SECONDS_MAX = 10.0
_NOBODY = Account(0, 0, 0, 0)


class Persona(NamedTuple):
    """A member made up for the occasion."""

    birthday: date | None = None
    tier: str | None = None


class Simulated(NamedTuple):
    """What would happen."""

    before: Account
    after: Account
    transfers: list[Explained]
    remarks: list[RemarkRow]
    known: bool


class _RolledBack(Exception):  # noqa: N818 - the way out of a transaction, not a mistake
    """Ends the simulation's transaction and brings its answer out."""

    def __init__(self, simulated: Simulated) -> None:
        """Take the answer."""
        super().__init__()
        self.simulated = simulated


class Simulator:
    """Folds a history on with an event that did not happen."""

    def __init__(
        self,
        database: Database,
        machine: PointsMachine,
        writer: PointsEffectWriter,
        versions: Versions,
        clock: Clock,
        partitions: int,
    ) -> None:
        """Join the real parts; the writer is one that rehearses, with figures nobody reads."""
        self._database = database
        self._effects = writer
        self._handler = TimelineHandler(machine, writer)
        self._versions = versions
        self._clock = clock
        self._partitions = partitions

    async def run(self, member: UUID, event: Event, persona: Persona | None) -> Simulated:
        """Let an event happen to a member (or to a persona, then `member` is a new id)."""
        try:
            async with self._database.transaction(timeout_seconds=_SECONDS_MAX) as tx:
                await self._simulate(tx, member, event, persona)
        except _RolledBack as rolled_back:
            return rolled_back.simulated
        raise AssertionError("a simulation never commits")

    async def _simulate(
        self, tx: Transaction, member: UUID, event: Event, persona: Persona | None
    ) -> None:
        if persona is not None:
            await self._let_happen(tx, _made_up(member, persona, event.at), event.at)
        key = member_key(member, self._partitions)
        before = await views.account(tx, key) or _NOBODY
        remarked = {row[:3] for row in await views.remarks(tx, key, limit=_REMARKS_MAX)}
        batch = await self._let_happen(tx, [event], event.at)
        rows = await views.transfers_recorded(tx, key, batch.now)
        remarks = await views.remarks(tx, key, limit=_REMARKS_MAX)
        simulated = Simulated(
            before=before,
            after=await views.account(tx, key) or _NOBODY,
            transfers=[explained(row, self._versions) for row in rows],
            remarks=[row for row in remarks if row[:3] not in remarked],
            known=batch.duplicates > 0,
        )
        raise _RolledBack(simulated)

    async def _let_happen(self, tx: Transaction, events: Sequence[Event], at: Instant) -> Batch:
        lane = partition_of(events[0].subject.encode(), self._partitions)
        batch = Batch(partition=lane, partitions=self._partitions, now=self._clock.now(), until=at)
        await self._handler.handle(tx, [_arrived(event) for event in events], batch)
        return batch


def _arrived(event: Event) -> Arrived:
    rank = 1 if event.type == types.TIER_CHANGED else 0
    record = Record("simulation", 0, 0, 0, None, None, ())
    return Arrived(record, Order(event.at, rank, event.key), event)


def _made_up(member: UUID, persona: Persona, at: Instant) -> list[Event]:
    """The facts that make a persona, all just before the event."""
    profile = facts.Profile(birthday=persona.birthday)
    told = [_event(member, types.MEMBER_PROFILE_UPDATED, at - 1, _update(profile))]
    if persona.tier is not None:
        tier = TierChanged(to=persona.tier, because=Because(rule="simulation"))
        told.append(_event(member, types.TIER_CHANGED, at - 1, tier))
    return told


def _update(profile: facts.Profile) -> facts.ProfileUpdated:
    return facts.ProfileUpdated(by="system", profile=profile)


def _event(member: UUID, type_: str, at: Instant, data: facts.Data) -> Event:
    return Event(
        id=type_,
        source=_SOURCE,
        type=type_,
        subject=str(member),
        at=at,
        data=data,
        key=event_key(_SOURCE, type_),
    )
