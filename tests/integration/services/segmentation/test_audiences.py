"""Counting an audience: the stored figures, the aged ones told by hand, and both together."""

import random
from typing import Any
from uuid import UUID

import pytest

from services.segmentation.domain.audience import AUDIENCE, caught_up, row_of
from services.segmentation.domain.facts import AnyFact, Interaction, Joined, ProfileFact, Purchase
from services.segmentation.store import members as store
from shared.clock import DAY, Instant, ManualClock, parse_instant
from shared.conditions import compile_predicate, parse
from shared.events import Event
from tests.integration.services.segmentation.conftest import NewDesk
from tests.integration.services.segmentation.desk import Desk, event_of

pytestmark = pytest.mark.integration

START = parse_instant("2024-02-01T08:00:00Z")  # a leap day lies in the windows
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"all": []},
    {"feature": "orders_7d", "at_least": 1},
    {"not": {"feature": "orders_30d", "at_least": 2}},
    {"feature": "spend_30d", "between": [500, 4000]},
    {"feature": "interactions_7d", "equals": 0},
    {"feature": "last_order_at", "at_least_days_ago": 10},
    {"feature": "last_order_at", "within_last_days": 10},
    {"feature": "joined_at", "exists": True},
    {"feature": "city", "equals": "Wuhan"},
    {"feature": "interests", "contains": "tea"},
    {"feature": "category_orders", "of": "DAIRY", "at_least": 2},
    {"feature": "categories", "contains_any": ["BAKERY", "TOYS"]},
    {"feature": "tags", "contains": "often"},
    {"feature": "tags", "contains_any": ["gone", "interest:DAIRY"]},
    {"feature": "tier", "one_of": ["two", "three"]},
    {
        "any": [
            {
                "all": [
                    {"feature": "tier", "not_equals": "one"},
                    {"feature": "orders_90d", "at_most": 3},
                ]
            },
            {
                "all": [
                    {"feature": "tags", "contains": "quiet"},
                    {"feature": "orders", "at_least": 6},
                ]
            },
        ]
    },
)


def _crowd(size: int) -> list[Event]:
    chance = random.Random(5)
    events: list[Event] = []
    for m in range(size):
        member = UUID(int=0x0189 << 112 | 7 << 76 | 2 << 62 | m)
        at: Instant = START + chance.randrange(0, 40 * DAY)
        for i in range(chance.randrange(1, 9)):
            name = f"e{m}-{i}"
            fact: AnyFact
            kind = chance.choice("pppij")
            if kind == "p":
                lines = (("s", chance.choice(("BAKERY", "DAIRY", "TOYS")), 900),)
                fact = Purchase(name, name, "north", chance.randrange(1, 3000), lines)
            elif kind == "i":
                fact = Interaction(name, "share")
            else:
                city = chance.choice(("Wuhan", "Xi'an"))
                fact = Joined(name, "north", ProfileFact(name, None, None, city, ("tea",)))
            events.append(event_of(member, at, name, fact))
            at += chance.randrange(0, 12 * DAY)
    return events


async def _expected(desk: Desk, condition: dict[str, Any], now: Instant) -> set[UUID]:
    """By hand, member by member."""
    predicate = compile_predicate(parse(condition, AUDIENCE), AUDIENCE)
    states = await desk.states()
    return {
        member
        for member, state in states.items()
        if predicate(row_of(desk.machine, caught_up(desk.machine, state, now), now))
    }


async def test_sql_and_python_count_the_same(new_desk: NewDesk) -> None:
    clock = ManualClock(START)
    desk = await new_desk(clock=clock, stream=False)
    events = sorted(_crowd(60), key=lambda event: event.at)
    await desk.take(events, events[-1].at)
    shares = set()
    # nothing has aged; some has; all has
    for later in (0, 5 * DAY + 1, 33 * DAY, 400 * DAY):
        clock.set(events[-1].at + later)
        for tree in CONDITIONS:
            expected = await _expected(desk, tree, clock.now())
            found = await desk.reader.audience(parse(tree, AUDIENCE), 1000)
            assert set(found.sample) == expected, (tree, later)
            assert found.count == len(expected)
            assert found.members == 60
            condition = parse(tree, AUDIENCE)
            async with desk.database.transaction() as tx:
                fresh = await store.count_fresh(tx, condition, 0, clock.now(), 0)
                aged = [
                    row
                    async for rows in store.stale_states(tx, condition, 0, clock.now())
                    for row in rows
                ]
            assert fresh.members + len(aged) == 60
            shares.add((fresh.members > 0, len(aged) > 0))
    assert shares >= {(True, False), (True, True)}, "a path was not walked"


async def test_a_figure_is_aged_from_the_instant_on_at_which_it_changes(new_desk: NewDesk) -> None:
    clock = ManualClock(START)
    desk = await new_desk(clock=clock, stream=False)
    member = UUID(int=0x0189 << 112 | 7 << 76 | 2 << 62)
    await desk.take([event_of(member, START, "a", Purchase("a", "o1", "north", 500))])
    bought = parse({"feature": "orders_7d", "at_least": 1}, AUDIENCE)
    for now, count in ((START + 7 * DAY - 1, 1), (START + 7 * DAY, 0)):
        clock.set(now)
        assert (await desk.reader.audience(bought, 10)).count == count


async def test_however_many_have_aged_each_is_counted_once(new_desk: NewDesk) -> None:
    """Aged members are read in chunks of a thousand."""
    clock = ManualClock(START + 9 * DAY)
    desk = await new_desk(clock=clock, stream=False)
    crowd = [UUID(int=0x0189 << 112 | 7 << 76 | 2 << 62 | m) for m in range(1_001)]
    await desk.take(
        [
            event_of(member, START, f"e{m}", Purchase(f"e{m}", f"o{m}", "north", 500))
            for m, member in enumerate(crowd)
        ]
    )
    gone = parse({"feature": "orders_7d", "equals": 0}, AUDIENCE)
    found = await desk.reader.audience(gone, 2_000)
    assert (found.count, found.members) == (1_001, 1_001)
    assert found.sample == crowd


async def test_in_a_replay_now_is_where_the_partition_stands(new_desk: NewDesk) -> None:
    desk = await new_desk(clock=ManualClock(START + 5000 * DAY), stream=True)
    member = UUID(int=0x0189 << 112 | 7 << 76 | 2 << 62)
    await desk.take([event_of(member, START, "a", Purchase("a", "o1", "north", 500))])
    bought = parse({"feature": "orders_7d", "at_least": 1}, AUDIENCE)
    assert (await desk.reader.audience(bought, 10)).count == 1
    await desk.pass_time(START + 7 * DAY - 1)
    assert (await desk.reader.audience(bought, 10)).count == 1
    await desk.pass_time(START + 7 * DAY)
    found = await desk.reader.audience(bought, 10)
    assert (found.count, found.as_of) == (0, START + 7 * DAY)
