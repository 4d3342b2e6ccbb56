"""The books on PostgreSQL: whatever the batches were, they balance and end as the sorted log."""

import asyncio
from collections import Counter
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.points.__main__ import SERVICE
from services.points.domain.lots import lots_of
from services.points.domain.posting import transfer_id
from shared.clock import HOUR, MINUTE, Instant
from shared.db import migrations
from shared.events import Event
from shared.events.decisions import PointsMoved
from shared.runtime.program import Proposal, put
from tests.integration.services.points.conftest import NewLedger
from tests.integration.services.points.ledger import Ledger, about
from tests.property.services.points.points_history import (
    MEMBER,
    NOON,
    born,
    bought,
    did,
    fold,
    machine_of,
    promoted,
    refunded,
    withdrawn,
)
from tests.property.services.points.strategies import DOCUMENTS, histories

pytestmark = pytest.mark.integration


async def compare(
    ledger: Ledger, document: dict[str, Any], member: UUID, history: list[Event]
) -> None:
    """Hold the books of a member against the history folded as the sorted log."""
    folded = fold(machine_of(document), *history)
    net = Counter[tuple[str, str, Instant, str]]()
    for move in folded.moves:  # a refund may move points of several orders
        net[move.event_id, move.rule, move.at, move.store_id] += move.points
    assert await ledger.net(member) == {(*slot, points) for slot, points in net.items() if points}
    assert await ledger.lots(member) == {
        (
            UUID(bytes=transfer_id(member.bytes, *lot.key)),
            lot.at,
            lot.granted,
            lot.remaining,
            lot.expires_on,
        )
        for lot in lots_of(folded.moves).values()
    }
    if history and any(ledger.machine.remember(event) for event in history):
        assert await ledger.state(member) == folded.state
    remarks = await ledger.fetch("SELECT event_id, code FROM remarks WHERE member_id = $1", member)
    assert set(remarks) == {(remark.event_id, remark.code) for remark in folded.remarks}


@pytest.mark.parametrize("document", DOCUMENTS, ids=["default", "capped", "lines"])
@pytest.mark.timeout(180)
async def test_random_batches_orders_duplicates_and_refunds(
    new_ledger: NewLedger, document: dict[str, Any]
) -> None:
    ledger = await new_ledger(document)
    loop = asyncio.get_running_loop()

    @given(st.lists(histories, min_size=1, max_size=3), st.integers(0, 2**32))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def examples(folded: list[list[Event]], seed: int) -> None:
        # Hypothesis is synchronous: it runs in a thread, and its examples in this loop
        running = asyncio.run_coroutine_threadsafe(one(ledger, document, folded, seed), loop)
        running.result(60)

    await asyncio.to_thread(examples)


async def one(
    ledger: Ledger, document: dict[str, Any], folded: list[list[Event]], seed: int
) -> None:
    """Some members' events, some of them twice, shuffled and cut anywhere."""
    chance = Random(seed)
    mine = {uuid4(): history for history in folded}
    mixed = [event for member, history in mine.items() for event in about(member, history)]
    mixed += [event for event in mixed if chance.random() < 0.3]
    chance.shuffle(mixed)
    while mixed:
        size = chance.choice((1, 2, 5, 20))
        await ledger.take(*mixed[:size])
        await ledger.check()
        mixed = mixed[size:]
    for member, history in mine.items():
        await compare(ledger, document, member, history)


@pytest.mark.parametrize("gap", [-HOUR, 0, HOUR])
async def test_p26_taken_back_in_any_order_of_arrival_the_books_are_the_same(
    new_ledger: NewLedger, gap: Instant
) -> None:
    """Also where a clock that is wrong dates the withdrawal before the interaction."""
    ledger = await new_ledger(DOCUMENTS[1])  # a check-in earns once a day
    told = [
        did("spam", "check_in"),
        withdrawn("w1", "spam", NOON + gap),
        withdrawn("w2", "spam", NOON + 2 * HOUR),
        did("kept", "check_in", NOON + MINUTE),
    ]
    for order in permutations(told):
        member, other = uuid4(), uuid4()
        await ledger.take(*about(other, told[:1]))
        for event in about(member, order):
            await ledger.take(event)
        await compare(ledger, DOCUMENTS[1], member, told)
        await compare(ledger, DOCUMENTS[1], other, told[:1])
        assert (await ledger.state(member)).available == 5
    await ledger.check()


async def test_what_is_published_sums_to_the_balance(ledger: Ledger) -> None:
    published = []
    for batch in (
        [bought("e1", "o1", 3520, NOON + HOUR)],
        [refunded("r", "o1", 1000, NOON + 2 * HOUR), did("c", "check_in")],
        [born("b", 3, NOON - HOUR)],
    ):
        published += await ledger.take(*batch)
    moved = [event.data for event in published]
    assert all(isinstance(each, PointsMoved) for each in moved)
    assert sum(each.points for each in moved) == 2 * 25 + 5
    assert moved[-1].balance == 55
    assert {(each.code, each.points, each.correction) for each in moved} == {
        ("earn", 35, None),
        ("earn", 5, None),
        ("clawback", -10, None),
        ("correction", 35, "b"),
        ("correction", -10, "b"),
    }
    assert {event.at for event in published} == {NOON, NOON + HOUR, NOON + 2 * HOUR}
    assert len({event.id for event in published}) == 5


async def test_a_late_tier_is_corrected_in_the_open(new_ledger: NewLedger) -> None:
    ledger = await new_ledger(DOCUMENTS[1])
    await ledger.take(bought("e", "o", 1000, NOON))
    published = await ledger.take(promoted("t", "gold", NOON - MINUTE))
    assert [(each.data.points, each.data.code, each.data.correction) for each in published] == [
        (5, "correction", "t")
    ]
    await ledger.check()


async def test_lots_that_a_correction_leaves_as_they_are_are_not_written_again(
    ledger: Ledger,
) -> None:
    await ledger.take(bought("a", "o1", 1000, NOON), bought("b", "o2", 2000, NOON + HOUR))
    lots = "SELECT granted, xmin::text FROM lots ORDER BY granted"
    first, second = await ledger.fetch(lots)
    await ledger.take(bought("late", "o3", 500, NOON - HOUR))
    assert (await ledger.fetch(lots))[1:] == [first, second]
    # born in March, all that is earned there counts twice from then on
    await ledger.take(born("month", 3, NOON + MINUTE))
    five, ten, forty = await ledger.fetch(lots)
    assert (five[0], ten, forty[0]) == (5, first, 40)


async def test_the_same_event_twice_in_a_batch_and_again_later(ledger: Ledger) -> None:
    event = bought("e", "o", 1000)
    await ledger.take(event, event)
    assert await ledger.take(event, event) == []
    assert await ledger.fetch("SELECT count(*) FROM transfers") == [(1,)]


async def test_concurrent_lanes_do_not_wait_for_each_other_in_the_sums(ledger: Ledger) -> None:
    members = [uuid4() for _ in range(40)]
    async with asyncio.TaskGroup() as tasks:
        for lane in range(4):
            events = [
                event
                for member in members[lane::4]
                for event in about(member, [bought("e", "o", 1000)])
            ]
            tasks.create_task(ledger.take(*events, partition=lane))
    await ledger.check()
    lanes = "SELECT partition, points FROM flows WHERE debit = 'issued' ORDER BY 1"
    assert await ledger.fetch(lanes) == [(lane, 100) for lane in range(4)]
    assert await ledger.fetch("SELECT sum(available)::int FROM accounts") == [(400,)]


async def test_migrations_make_what_the_code_says(ledger: Ledger) -> None:
    await asyncio.to_thread(migrations.check, SERVICE.migrations, ledger.database.url)


async def test_versions_put_in_force_judge_from_then_on(ledger: Ledger) -> None:
    await ledger.take(bought("e1", "o1", 1000))
    double = {**ledger.document, "rules": [{**ledger.document["rules"][0], "points": 2}]}
    async with ledger.database.transaction() as tx:
        proposal = Proposal(double, "test", effective_from=NOON + HOUR)
        await put(tx, ledger.part, proposal, NOON)
    await ledger.take(
        bought("late_till", "o2", 1000, NOON + MINUTE), bought("e3", "o3", 1000, NOON + HOUR)
    )
    rows = await ledger.fetch("SELECT event_id, points, program_version FROM transfers")
    assert set(rows) == {("e1", 10, 1), ("late_till", 10, 1), ("e3", 20, 2)}
    assert MEMBER in {member for (member,) in await ledger.fetch("SELECT member_id FROM accounts")}
