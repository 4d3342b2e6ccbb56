"""Showing a member, and counting an audience: read only."""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec

from services.segmentation.domain.audience import AUDIENCE, caught_up, row_of
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Member
from services.segmentation.domain.view import (
    features_view,
    lifecycle_of,
    progress_view,
    reasons_view,
    tags_view,
)
from services.segmentation.store import decisions, holdings, members
from services.segmentation.store.decisions import Posted
from shared.clock import Clock, Instant
from shared.conditions import Condition, compile_predicate
from shared.db import Database, Transaction
from shared.kafka.partitioner import member_key

CONSUMER: Final = "segmentation"
SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Audience:
    """How many members a condition holds for, and some of them."""

    count: int
    members: int
    sample: list[UUID]
    as_of: Instant
    took_ms: float


class Reader:
    """Reads members as of now: the wall clock's, or that of their partition in a replay."""

    def __init__(
        self,
        database: Database,
        machine: SegmentationMachine,
        clock: Clock,
        prepare: Callable[[Transaction], Awaitable[None]],
        *,
        partitions: int,
        stream: bool,
    ) -> None:
        """Take what is needed to read; `prepare` fetches new versions of the program."""
        self._partitions = partitions
        self._database = database
        self._machine = machine
        self._clock = clock
        self._prepare = prepare
        self._stream = stream
        self._decode = msgspec.msgpack.Decoder(Member).decode

    async def member(self, member_id: UUID) -> dict[str, Any] | None:
        """Everything about a member; None for one never heard of."""
        key = member_key(member_id, self._partitions)
        async with self._database.transaction(read_only=True) as tx:
            await self._prepare(tx)
            stored = await members.state_of(tx, key)
            if stored is None:
                return None
            clocks = await members.clocks(tx, CONSUMER)
            why = await holdings.tags_of(tx, key)
            tier_why = await holdings.tier_reasons(tx, key)
        now = clocks.get(key.partition, 0) if self._stream else self._clock.now()
        state = self._decode(stored)
        now = max(now, state.history.at)
        state = caught_up(self._machine, state, now)
        rules = self._machine.versions.get(state.version or 0) or self._machine.versions.newest
        tags = [
            each
            | {
                "since": why[each["tag"]][0] if each["tag"] in why else state.history.at,
                "because": reasons_view(why[each["tag"]][1] if each["tag"] in why else ()),
            }
            for each in tags_view(state, rules)
        ]
        return {
            "member_id": member_id,
            "features": features_view(state, now),
            "tags": tags,
            "tier": state.tier,
            "tier_because": reasons_view(tier_why),
            "progress": progress_view(state, rules, now),
            "lifecycle": lifecycle_of(state, rules),
            "as_of": now,
            "program_version": rules.version,
        }

    async def changes(
        self, member_id: UUID, after: tuple[Instant, str, int] | None, limit: int
    ) -> list[Posted] | None:
        """What was decided about a member, newest first; None for one never heard of."""
        key = member_key(member_id, self._partitions)
        async with self._database.transaction(read_only=True) as tx:
            if await members.state_of(tx, key) is None:
                return None
            return await decisions.page_of(tx, key, after, limit)

    async def tiers(self) -> dict[str, int]:
        """Members by tier, lowest first; also tiers that nobody has."""
        async with self._database.transaction(read_only=True) as tx:
            counts = await holdings.count_tiers(tx)
        ladder = self._machine.versions.newest.ladder.ids
        return {tier: counts.pop(tier, 0) for tier in ladder} | counts

    async def tags(self) -> dict[str, int]:
        """Members by tag, most frequent first."""
        async with self._database.transaction(read_only=True) as tx:
            return await holdings.count_tags(tx)

    async def audience(self, condition: Condition, sample: int) -> Audience:
        """Count an audience exactly: by SQL where stored figures are right, else by hand."""
        started = time.perf_counter()
        count = total = 0
        found: list[UUID] = []
        predicate = compile_predicate(condition, AUDIENCE)
        async with self._database.transaction(read_only=True, timeout_seconds=SECONDS_MAX) as tx:
            await self._prepare(tx)
            presents = await self._presents(tx)
            for partition, now in presents:
                fresh = await members.count_fresh(tx, condition, partition, now, sample)
                count, total = count + fresh.matching, total + fresh.members
                found += fresh.sample
                async for rows in members.stale_states(tx, condition, partition, now):
                    matching = self._matching(rows, predicate, now)
                    count, total = count + len(matching), total + len(rows)
                    found += matching[:sample]
        as_of = min((now for _, now in presents), default=self._clock.now())
        took_ms = (time.perf_counter() - started) * 1000
        return Audience(count, total, sorted(found)[:sample], as_of, took_ms)

    async def _presents(self, tx: Transaction) -> list[tuple[int, Instant]]:
        """Every partition with the instant as of which its members are counted."""
        if self._stream:
            return list((await members.clocks(tx, CONSUMER)).items())
        now = self._clock.now()
        return [(partition, now) for partition in range(self._partitions)]

    def _matching(
        self,
        rows: Iterable[tuple[UUID, bytes]],
        predicate: Callable[[dict[str, Any]], bool],
        now: Instant,
    ) -> list[UUID]:
        matching = []
        for member_id, encoded in rows:
            state = caught_up(self._machine, self._decode(encoded), now)
            if predicate(row_of(self._machine, state, now)):
                matching.append(member_id)
        return matching
