"""Members' timelines are kept as they were saved, and their timers come up when they are due."""

from uuid import UUID

import pytest

from shared.db import Database
from shared.timers.timelines import (
    Loaded,
    Order,
    StoredFact,
    StoredTimeline,
    due,
    history,
    load,
    next_due,
    park,
    remember,
    save,
    unpark,
)

pytestmark = pytest.mark.integration

ANN, BO, CY = UUID(int=1), UUID(int=2), UUID(int=3)
NOBODY = UUID(int=99)


def timeline(due_at: int | None = None, *, state: bytes = b"s", at: int = 5) -> StoredTimeline:
    return StoredTimeline(Order(at, 1, b"key"), due_at, state)


def fact(
    key: bytes,
    *,
    at: int = 7,
    rank: int = 3,
    supersedes: bytes | None = None,
    about: bytes | None = None,
) -> StoredFact:
    return StoredFact(Order(at, rank, key), supersedes, about, b"body of " + key)


async def keep(database: Database, partition: int = 0, **due: int | None) -> dict[str, UUID]:
    """Save a timeline a name, with when its timer is due."""
    members = {name: UUID(int=1_000 * (partition + 1) + place) for place, name in enumerate(due)}
    async with database.transaction() as tx:
        rows = [(members[name], timeline(due_at)) for name, due_at in due.items()]
        await save(tx, partition, rows)
    return members


async def due_members(
    database: Database, until: int, *, partition: int = 0, limit: int = 100
) -> list[tuple[UUID, int]]:
    async with database.transaction() as tx:
        return await due(tx, partition, until, limit)


async def test_a_timeline_comes_back_as_it_was_saved(database: Database) -> None:
    ann = StoredTimeline(Order(10, 2, b"\x00key"), 99, b"\x01state")
    bo = StoredTimeline(Order(-11, -1, b""), None, b"")
    async with database.transaction() as tx:
        await save(tx, 7, [(ANN, ann), (BO, bo)])
    async with database.transaction() as tx:
        assert await load(tx, 7, [ANN, BO, NOBODY], []) == ({ANN: ann, BO: bo}, set(), {})
        assert await load(tx, 7, [BO], []) == ({BO: bo}, set(), {})
        assert await load(tx, 8, [ANN, BO], []) == ({}, set(), {})


async def test_saved_again_it_is_what_was_saved_last(database: Database) -> None:
    later = StoredTimeline(Order(20, 4, b"later"), 120, b"later")
    async with database.transaction() as tx:
        await save(tx, 7, [(ANN, timeline(50)), (BO, timeline(60))])
        await save(tx, 7, [(ANN, later)])
        assert (await load(tx, 7, [ANN, BO], []))[0] == {ANN: later, BO: timeline(60)}
    assert await due_members(database, 999, partition=7) == [(BO, 60), (ANN, 120)]


async def test_an_event_is_known_of_the_member_that_it_was_folded_for(database: Database) -> None:
    async with database.transaction() as tx:
        await remember(tx, 7, [(ANN, fact(b"e1")), (ANN, fact(b"e2")), (BO, fact(b"e3"))])
        asked = [(ANN, b"e1"), (ANN, b"e3"), (BO, b"e3"), (BO, b"e4"), (NOBODY, b"e1")]
        assert await load(tx, 7, [ANN, BO], asked) == (
            {},
            {(ANN, b"e1"), (BO, b"e3")},
            {},
        )
        assert await load(tx, 8, [ANN, BO], asked) == ({}, set(), {})


async def test_orders_that_were_told_of_are_found_by_name_or_all(database: Database) -> None:
    one, two, three = b"order--1", b"order--2", b"order--3"
    facts = [
        (ANN, fact(b"e1", about=one)),
        (ANN, fact(b"e2", about=one)),
        (ANN, fact(b"e3", about=two)),
        (ANN, fact(b"e4")),
        (BO, fact(b"e5", about=three)),
    ]
    async with database.transaction() as tx:
        await remember(tx, 7, facts)
        asked = [(ANN, one), (ANN, three), (BO, three), (NOBODY, one)]
        assert (await load(tx, 7, [ANN, BO], [], asked)).orders == {ANN: one, BO: three}
        every = (await load(tx, 7, [ANN, BO], [], None)).orders
        assert sorted(every[ANN][i : i + 8] for i in (0, 8)) == [one, two]
        assert every[BO] == three
        assert (await load(tx, 8, [ANN], [], None)).orders == {}


def test_an_order_is_told_of_once_wherever_its_name_stands() -> None:
    loaded = Loaded({}, set(), {ANN: b"xorder--", BO: b"abcdefgh"})
    assert loaded.tell_of(BO, b"abcdefgh")
    assert not loaded.tell_of(ANN, b"order--x")
    assert loaded.orders[ANN] == b"xorder--order--x"
    assert loaded.tell_of(ANN, b"order--x")
    loaded.orders[ANN] = b"aabbccdd" + b"eeffgghh"
    assert not loaded.tell_of(ANN, b"ccddeeff"), "a name begins where a name begins"


async def test_a_history_is_all_facts_of_a_member_as_they_were_remembered(
    database: Database,
) -> None:
    first, second = fact(b"e1", at=9, rank=2), fact(b"e2", at=8, rank=1, supersedes=b"e1")
    async with database.transaction() as tx:
        await remember(tx, 7, [(ANN, first), (ANN, second), (BO, fact(b"e3"))])
        found = await history(tx, 7, [ANN, NOBODY])
    assert sorted(found[ANN]) == [second, first]
    assert found[NOBODY] == []
    assert set(found) == {ANN, NOBODY}


async def test_timers_come_up_when_they_are_due_the_soonest_first(database: Database) -> None:
    at = await keep(database, later=31, soon=10, never=None, now=30, past=-5)
    await keep(database, 1, elsewhere=1)
    assert await due_members(database, 30) == [(at["past"], -5), (at["soon"], 10), (at["now"], 30)]
    assert await due_members(database, 30, limit=2) == [(at["past"], -5), (at["soon"], 10)]
    assert await due_members(database, -6) == []


async def test_the_next_timer_is_the_soonest_of_its_partition(database: Database) -> None:
    await keep(database, b=20, a=15, none=None)
    await keep(database, 1, other=3)
    await keep(database, 2, asleep=None)
    async with database.transaction() as tx:
        assert [await next_due(tx, partition) for partition in range(4)] == [15, 3, None, None]


async def test_a_parked_member_is_not_due_until_it_is_put_back(database: Database) -> None:
    at = await keep(database, one=1, two=2)
    async with database.transaction() as tx:
        await park(tx, 0, at["one"])
    assert await due_members(database, 10) == [(at["two"], 2)]
    async with database.transaction() as tx:
        await unpark(tx, 0, at["one"], 9)
    assert await due_members(database, 10) == [(at["two"], 2), (at["one"], 9)]
