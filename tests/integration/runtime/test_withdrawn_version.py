"""Lanes judge anew what a withdrawn version decided, beside their events."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from typing_extensions import override

from shared.clock import DAY, HOUR, ManualClock, parse_instant
from shared.db import Database, Transaction
from shared.runtime.anew import Anew
from shared.runtime.batch import Input
from shared.runtime.consumers import ConsumerSpec
from shared.runtime.program import ProgramHistory, ProgramPart, Proposal, put
from shared.runtime.timeline import TimelineHandler
from shared.runtime.vitals import measure
from shared.runtime.withdrawing import withdraw
from tests.integration.runtime.chain import (
    PARTITIONS,
    Chain,
    CountingMachine,
    History,
    Noted,
    NotingEffectWriter,
    Spent,
    purchase,
)
from tests.integration.runtime.test_lanes import NewChain

pytestmark = pytest.mark.integration

START = parse_instant("2024-02-28T09:00:00Z")
BEGINS, ENDS = START + 10 * HOUR, START + 20 * HOUR
MEMBERS = [UUID(int=number) for number in range(1, 41)]
PART = ProgramPart("test", lambda document: int(document["times"]), {"times": 1})
STORY = [
    (MEMBERS[n % len(MEMBERS)], n, START + n * HOUR // 8) for n in range(1, 1 + 4 * len(MEMBERS))
]
CLOCK = ManualClock(START + DAY)
IN_TIME = {who for who, _, at in STORY if BEGINS <= at < ENDS}


@dataclass
class RatingMachine(CountingMachine):
    """Counts each purchase as often as the program of its time says."""

    history: ProgramHistory[int] = field(default_factory=lambda: ProgramHistory(PART, CLOCK))
    cannot_be_judged_anew: set[int] = field(default_factory=set)

    @override
    def apply(self, state: History, at: int, fact: Spent, effects: list[Noted]) -> None:
        if self.history.withdrawn and fact.total in self.cannot_be_judged_anew:
            raise ValueError(f"cannot digest {fact.total} any more")
        times = self.history.at(at).program
        super().apply(state, at, Spent(fact.event_id, fact.total * times), effects)


@dataclass
class RatingWriter(NotingEffectWriter):
    """Follows the program."""

    machine: RatingMachine

    @override
    async def prepare(self, tx: Transaction) -> None:
        await self.machine.history.refresh(tx)


@dataclass
class RatingChain(Chain):
    """A chain whose purchases count by versions of a program."""

    machine: CountingMachine = field(default_factory=RatingMachine)

    @override
    def spec(self) -> ConsumerSpec:
        machine = self.machine
        assert isinstance(machine, RatingMachine)
        machine.history = ProgramHistory(PART, self.clock)  # what a new process knows
        handler = TimelineHandler(
            machine,
            RatingWriter(self.output, machine),
            anew=Anew(machine.history, by_time=False),
        )
        return ConsumerSpec(
            name=self.group,
            inputs=(Input(self.events), Input(self.decisions, waited=False)),
            handler=handler,
            source="urn:test",
            output=self.output if self.stream else None,
            stream=self.stream,
        )

    async def versions(self) -> None:
        """Times a hundred for some hours, then once again."""
        async with self._tx() as tx:
            await ProgramHistory(PART, self.clock).refresh(tx)
            for times, at in ((100, BEGINS), (1, ENDS)):
                await put(tx, PART, Proposal({"times": times}, "hq", effective_from=at), START)

    async def withdraw(self, version: int = 2) -> None:
        async with self._tx() as tx:
            await withdraw(tx, version, by="hq", note="", now=0, members=len(IN_TIME))

    @asynccontextmanager
    async def _tx(self) -> AsyncIterator[Transaction]:
        database = Database(self.database_url, application_name="test")
        try:
            async with database.transaction() as tx:
                yield tx
        finally:
            await database.close()


@pytest.fixture
def new_rating_chain(new_chain: NewChain) -> NewChain:
    async def make(**options: Any) -> Chain:
        chain = await new_chain(kind=RatingChain, clock=CLOCK, **options)
        assert isinstance(chain, RatingChain)
        await chain.versions()
        return chain

    return make


async def _tell(chain: Chain, story: Sequence[tuple[UUID, int, int]]) -> None:
    await chain.publish([(chain.events, str(who), purchase(who, n, at)) for who, n, at in story])


_DONE = "SELECT count(done_at)::int FROM judged_anew"


@pytest.mark.parametrize("stream", [False, True])
async def test_lanes_with_nothing_to_do_hear_of_it_and_judge_anew(
    new_rating_chain: NewChain, *, stream: bool
) -> None:
    never = await new_rating_chain()
    assert isinstance(never, RatingChain)
    await never.withdraw()
    await _tell(never, STORY)
    async with never.running():
        await never.handled(len(STORY))
    chain = await new_rating_chain(stream=stream, batch_events=7)
    assert isinstance(chain, RatingChain)
    async with chain.running():
        await chain.handled(len(STORY))
        assert await chain.notes() != await never.notes()
        await chain.withdraw()
        await chain.until(_DONE, PARTITIONS)
        assert await chain.notes() == await never.notes()
    assert await chain.fetch("SELECT sum(members)::int FROM judged_anew") == [(len(IN_TIME),)]
    async with chain.running():  # a process that has never heard of it
        late = [(MEMBERS[3], 5_000, BEGINS + 1)]
        await _tell(chain, late)
        await chain.handled(len(STORY) + 1)
    async with never.running():
        await never.handled(len(STORY) + 1)
    assert await chain.notes() == await never.notes()
    assert await chain.fetch("SELECT sum(members)::int FROM judged_anew") == [(len(IN_TIME),)]
    assert await chain.fetch("SELECT FROM dead_letters") == []


async def test_a_lane_that_is_behind_judges_by_what_stands_and_has_nothing_to_correct(
    new_rating_chain: NewChain,
) -> None:
    chain = await new_rating_chain()
    assert isinstance(chain, RatingChain)
    await _tell(chain, STORY)
    await chain.withdraw()
    async with chain.running():
        await chain.handled(len(STORY))
        await chain.until(_DONE, PARTITIONS)
    [(total,)] = await chain.fetch("SELECT sum(total)::int FROM noted WHERE at >= $1", ENDS)
    sums = dict.fromkeys(MEMBERS, 0)
    expected = 0
    for who, n, at in STORY:
        sums[who] += n
        expected += sums[who] if at >= ENDS else 0
    assert total == expected


async def test_whoever_cannot_be_judged_anew_is_a_dead_letter_and_holds_up_nobody(
    new_rating_chain: NewChain,
) -> None:
    who, number = next((who, n) for who, n, at in STORY if BEGINS <= at < ENDS)
    machine = RatingMachine(cannot_be_judged_anew={number})
    chain = await new_rating_chain(machine=machine)
    assert isinstance(chain, RatingChain)
    await _tell(chain, STORY)
    async with chain.running():
        await chain.handled(len(STORY))
        await chain.withdraw()
        await chain.until(_DONE, PARTITIONS)
        await chain.until("SELECT count(*)::int FROM dead_letters", 1)
        [(kind, member, error)] = await chain.fetch(
            "SELECT kind, member_id, error FROM dead_letters"
        )
        assert (kind, member) == ("timer", str(who))
        assert f"cannot digest {number} any more" in str(error)
    assert await chain.fetch("SELECT sum(members)::int FROM judged_anew") == [(len(IN_TIME),)]


async def test_how_many_are_left_is_measured(new_rating_chain: NewChain) -> None:
    chain = await new_rating_chain()
    assert isinstance(chain, RatingChain)
    await _tell(chain, STORY)
    database = Database(chain.database_url, application_name="test")
    async with chain.running():
        await chain.handled(len(STORY))
    assert (await measure(database, CLOCK.now())).to_judge_anew == 0
    await chain.withdraw()
    assert (await measure(database, CLOCK.now())).to_judge_anew == len(IN_TIME)
    async with chain.running():
        await chain.until(_DONE, PARTITIONS)
    assert (await measure(database, CLOCK.now())).to_judge_anew == 0
    await database.close()
