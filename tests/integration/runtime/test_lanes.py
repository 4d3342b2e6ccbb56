"""The runtime against a real Kafka and a real PostgreSQL."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from typing_extensions import override

from shared.clock import DAY, HOUR, ManualClock, parse_instant
from shared.db import Database
from shared.kafka.partitioner import partition_of
from shared.runtime import dead_letters, positions
from shared.runtime.progress import progress_of
from tests.integration.runtime.chain import (
    LAPSE,
    PARTITIONS,
    Chain,
    CountingMachine,
    History,
    Noted,
    Spent,
    purchase,
)

pytestmark = pytest.mark.integration

NewChain = Callable[..., Awaitable[Chain]]
START = parse_instant("2024-02-28T09:00:00Z")
MEMBERS = [UUID(int=number) for number in range(1, 8)]


def _story(count: int = 120) -> list[tuple[UUID, int, int]]:
    """(member, number, at), in the order of time."""
    chance = random.Random(7)
    return [(chance.choice(MEMBERS), n, START + n * HOUR * 3) for n in range(1, count + 1)]


async def _tell(
    chain: Chain, story: list[tuple[UUID, int, int]], *, times: int = 1, seed: int | None = None
) -> None:
    values = [(chain.events, str(who), purchase(who, n, at)) for who, n, at in story] * times
    if seed is not None:
        random.Random(seed).shuffle(values)
    await chain.publish(values)


async def _letters(chain: Chain) -> list[tuple[object, ...]]:
    return await chain.fetch("SELECT kind, event_id, error FROM dead_letters ORDER BY kind, id")


async def _ask_again(chain: Chain, kind: str) -> None:
    """Ask for the replay of all letters of a kind."""
    database = Database(chain.database_url, application_name="test")
    async with database.transaction() as tx:
        held = await dead_letters.list_dead_letters(tx, limit=10, state="held")
        asked = [each.id for each in held if each.kind == kind]
        assert asked
        assert await dead_letters.request_replay(tx, asked, 0) == asked
        assert await dead_letters.request_replay(tx, asked, 0) == [], "asked for already"
    await database.close()


async def test_any_order_any_batch_any_number_of_times_ends_in_the_same_notes(
    new_chain: NewChain,
) -> None:
    far = ManualClock(START + 400 * DAY)
    story = _story()
    plain = await new_chain(clock=far)
    await _tell(plain, story)
    async with plain.running():
        await plain.handled(len(story))
        await plain.until("SELECT count(*)::int FROM timelines WHERE due_at IS NOT NULL", 0)
    expected = await plain.notes()
    assert len(expected) > len(story)
    assert [note[1] for note in expected].count("lapsed") >= len(MEMBERS)
    assert await _letters(plain) == []

    await _tell(plain, story, times=2, seed=3)
    for batch_events in (1, 7, 1000):
        # the same log, now three times longer and shuffled at its end, from its beginning
        other = await new_chain(clock=far, batch_events=batch_events)
        async with other.running():
            await other.handled(3 * len(story))
        assert await other.notes() == expected
        assert await _letters(other) == []


async def test_two_processes_share_the_work_and_come_to_the_same(new_chain: NewChain) -> None:
    chain = await new_chain(clock=ManualClock(START + 400 * DAY), batch_events=5)
    story = _story()
    async with chain.running():
        await _tell(chain, story[:60])
        async with chain.running():
            await _tell(chain, story[60:])
            await chain.handled(len(story))
    shuffled = await new_chain(clock=ManualClock(START + 400 * DAY))
    async with shuffled.running():
        await shuffled.handled(len(story))
    assert await chain.notes() == await shuffled.notes()
    assert len(await chain.fetch("SELECT * FROM facts")) == len(story)


async def test_a_process_whose_partition_was_taken_away_cannot_commit(new_chain: NewChain) -> None:
    chain = await new_chain()
    database = Database(chain.database_url, application_name="test")
    async with database.transaction() as tx:
        zombie, _ = await positions.claim(tx, chain.group, 0, [chain.events])
    async with database.transaction() as tx:
        owner, _ = await positions.claim(tx, chain.group, 0, [chain.events])
    ahead = {chain.events: zombie[chain.events]._replace(position=5)}

    async def work_on() -> None:
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO noted VALUES (NULL, 'zombie', 0, 0)")
            await positions.move(tx, chain.group, 0, zombie, ahead)

    with pytest.raises(positions.Fenced):
        await work_on()
    assert await chain.notes() == []
    async with database.transaction() as tx:
        moved = {chain.events: owner[chain.events]._replace(position=5)}
        await positions.move(tx, chain.group, 0, owner, moved)
    await database.close()


async def test_one_poison_event_is_one_dead_letter_and_replay_applies_it_once(
    new_chain: NewChain,
) -> None:
    machine = CountingMachine(poison={"order-50"})
    chain = await new_chain(clock=ManualClock(START + 400 * DAY), machine=machine)
    story = _story()
    await _tell(chain, story)
    await chain.publish([(chain.events, str(MEMBERS[0]), b"no event at all")])
    async with chain.running():
        await chain.handled(len(story) + 1)
        letters = await _letters(chain)
        assert [letter[:2] for letter in letters] == [("poison", "order-50"), ("undecodable", None)]
        assert "cannot digest order-50" in str(letters[0][2])
        assert len(await chain.fetch("SELECT 1 FROM facts")) == len(story) - 1

        machine.poison.clear()
        await _ask_again(chain, "poison")
        await chain.until(
            "SELECT count(*)::int FROM dead_letters WHERE state = 'replayed' AND attempts = 2", 1
        )
    whole = await new_chain(clock=ManualClock(START + 400 * DAY))
    async with whole.running():
        await whole.handled(len(story) + 1)
    assert await chain.notes() == await whole.notes()


async def test_what_is_too_large_for_kafka_is_its_events_dead_letter_and_holds_up_nobody(
    new_chain: NewChain,
) -> None:
    machine = CountingMachine(wordy={"order-2"})
    chain = await new_chain(clock=ManualClock(START + DAY), machine=machine)
    await _tell(chain, [(MEMBERS[0], n, START + n * HOUR) for n in (1, 2, 3)])
    async with chain.running():
        await chain.handled(3)
        letters = await chain.fetch("SELECT kind, event_id, error FROM dead_letters")
        assert [letter[:2] for letter in letters] == [("poison", "order-2")]
        assert "1,200,0" in str(letters[0][2])
        waiting = await chain.fetch("SELECT sum(count)::int FROM outbox")
        assert waiting == [(3,)]  # two notes, and that there is a dead letter
    assert [(what, total) for _, what, _, total in await chain.notes()] == [
        ("bought", 1),
        ("bought", 4),
    ]


async def test_a_failing_timer_is_a_dead_letter_and_stops_nobody_else(new_chain: NewChain) -> None:
    machine = CountingMachine(poisoned_timers={1})
    clock = ManualClock(START)
    chain = await new_chain(clock=clock, machine=machine)
    await _tell(chain, [(MEMBERS[0], 1, START), (MEMBERS[1], 2, START), (MEMBERS[2], 3, START)])
    async with chain.running():
        await chain.handled(3)
        clock.set(START + LAPSE)
        await chain.until("SELECT count(*)::int FROM noted WHERE what = 'lapsed'", 2)
        await chain.until("SELECT count(*)::int FROM dead_letters WHERE kind = 'timer'", 1)
        machine.poisoned_timers.clear()
        await chain.fetch("UPDATE dead_letters SET state = 'replaying' RETURNING id")
        await chain.until("SELECT count(*)::int FROM noted WHERE what = 'lapsed'", 3)


async def test_what_fails_again_when_replayed_is_held_again_with_its_new_reason(
    new_chain: NewChain,
) -> None:
    """What is no event today is no event tomorrow: it must not pass for replayed."""
    machine = CountingMachine(poison={"order-1"})
    clock = ManualClock(START + DAY)
    chain = await new_chain(clock=clock, machine=machine)
    await _tell(chain, [(MEMBERS[0], 1, START)])
    await chain.publish([(chain.events, str(MEMBERS[0]), b"no event at all")])
    async with chain.running():
        await chain.handled(2)
        [(why,)] = await chain.fetch("SELECT error FROM dead_letters WHERE kind = 'undecodable'")
        await chain.fetch("UPDATE dead_letters SET error = 'as it was' RETURNING 1")
        clock.set(START + 2 * DAY)
        for kind in ("undecodable", "poison"):
            await _ask_again(chain, kind)
        await chain.until("SELECT count(*)::int FROM dead_letters WHERE attempts = 2", 2)
    found = await chain.fetch("SELECT kind, state, error, last_at FROM dead_letters ORDER BY kind")
    assert [(kind, state) for kind, state, *_ in found] == [
        ("poison", "held"),
        ("undecodable", "held"),
    ]
    assert "cannot digest order-1" in str(found[0][2])
    assert found[1][2] == why
    assert [row[3] for row in found] == [START + 2 * DAY] * 2
    assert await chain.notes() == []


@dataclass
class _LapsingMachine(CountingMachine):
    """With one of its events it gets late: timers are due when the next event is taken."""

    at_event: str = ""
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))

    @override
    def apply(self, state: History, at: int, fact: Spent, effects: list[Noted]) -> None:
        super().apply(state, at, fact, effects)
        if fact.event_id == self.at_event:
            self.clock.set(START + LAPSE)


async def test_a_failing_timer_condemns_no_event_that_comes_in_the_same_breath(
    new_chain: NewChain,
) -> None:
    """Event 3 is taken in the very turn in which the timer of order 1 is due."""
    machine = _LapsingMachine(poisoned_timers={1}, at_event="order-2")
    chain = await new_chain(clock=machine.clock, machine=machine, batch_events=1)
    failing = MEMBERS[0]
    neighbour = next(who for who in MEMBERS[1:] if _partition(who) == _partition(failing))
    await _tell(
        chain,
        [(failing, 1, START), *((neighbour, n, START + n * HOUR) for n in (2, 3, 4))],
    )
    async with chain.running():
        await chain.handled(4)
        await chain.until("SELECT count(*)::int FROM dead_letters", 1)
    assert [letter[:2] for letter in await _letters(chain)] == [("timer", None)]
    assert [total for who, *_, total in await chain.notes() if who == neighbour] == [2, 5, 9]


def _partition(who: UUID) -> int:
    return partition_of(str(who).encode(), PARTITIONS)


async def test_progress_counts_the_timers_that_are_due_by_the_clock_of_their_partition(
    new_chain: NewChain,
) -> None:
    chain = await new_chain(clock=ManualClock(START))
    await _tell(chain, [(MEMBERS[0], 1, START), (MEMBERS[1], 2, START)])
    async with chain.running():
        await chain.handled(2)
    database = Database(chain.database_url, application_name="test")
    assert (await progress_of(database, chain.group))["timers_due"] == 0
    await chain.fetch("UPDATE positions SET until = $1 RETURNING until", START + LAPSE)
    assert (await progress_of(database, chain.group))["timers_due"] == 2
    assert (await progress_of(database, "somebody else"))["timers_due"] == 0
    await database.close()


async def test_a_decision_that_was_withdrawn_is_as_if_never_made(new_chain: NewChain) -> None:
    clock = ManualClock(START + 400 * DAY)
    member = MEMBERS[0]
    chain = await new_chain(clock=clock)
    await chain.publish(
        [
            (chain.events, str(member), purchase(member, 1, START)),
            (chain.events, str(member), purchase(member, 2, START + HOUR)),
            (
                chain.events,
                str(member),
                purchase(member, 5, START + HOUR, event_id="instead-of-order-2"),
            ),
        ]
    )
    async with chain.running():
        await chain.handled(3)
    assert [(what, total) for _, what, _, total in await chain.notes()] == [
        ("bought", 1),
        ("bought", 6),
        ("lapsed", 6),
    ]
