"""The synthetic chain: repeatable, endless, and made of events that ingest takes."""

import tracemalloc
from collections import Counter
from itertools import islice
from typing import Any

import msgspec
import pytest

from deploy.demo.chain import Chain
from deploy.demo.generate import START, Shape, generate
from shared.clock import DAY
from shared.events import edge, types

SHAPE = Shape(members=300, stores=7, days=10, events=6_000, seed=3)


def _decoded(shape: Shape) -> list[dict[str, Any]]:
    return [msgspec.json.decode(raw) for _, _, raw in generate(shape)]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(generate(SHAPE)) == list(generate(SHAPE))
    assert next(generate(SHAPE)) != next(generate(Shape(seed=4)))


def test_as_many_as_asked_for() -> None:
    for count in (1, 2, 999):
        assert len(list(generate(Shape(events=count)))) == count


def test_ingest_takes_every_one() -> None:
    for event_type, at, raw in generate(SHAPE):
        assert edge.explain_refusal(raw) == [], raw
        assert edge.INBOUND.decode(raw).type == event_type
        assert START - DAY <= at < START + SHAPE.days * DAY


def test_every_inbound_type_turns_up() -> None:
    assert {event_type for event_type, _, _ in generate(SHAPE)} == types.INBOUND


def test_members_join_before_anything_else() -> None:
    shape = Shape(members=50, events=3_000, late=0)
    joined: set[str] = set()
    for event in _decoded(shape):
        if event["type"] == types.MEMBER_JOINED:
            joined.add(event["subject"])
        elif event["type"] not in types.MEMBERLESS:
            assert event["subject"] in joined
    assert len(joined) == 50


def test_refunds_name_orders_that_were_made_and_give_back_no_more() -> None:
    events = _decoded(Shape(members=50, events=5_000, late=0, duplicates=0))
    orders = {e["data"]["order_id"]: e for e in events if e["type"] == types.PURCHASE_COMPLETED}
    refunds = [event for event in events if event["type"] == types.PURCHASE_REFUNDED]
    assert len(refunds) > 50
    for refund in refunds:
        order = orders[refund["data"]["order_id"]]
        assert order["subject"] == refund["subject"]
        assert order["time"] <= refund["time"]
        assert refund["data"]["amount"] <= order["data"]["total"]
    assert len({refund["data"]["order_id"] for refund in refunds}) == len(refunds)


def test_withdrawals_name_interactions_that_were_made() -> None:
    events = _decoded(Shape(members=50, events=8_000, late=0, duplicates=0))
    made = {event["id"]: event for event in events if event["type"] == types.INTERACTION_RECORDED}
    withdrawn = [event for event in events if event["type"] == types.INTERACTION_WITHDRAWN]
    assert len(withdrawn) > 5
    for event in withdrawn:
        interaction = made[event["data"]["id"]]
        assert (interaction["subject"], interaction["source"]) == (
            event["subject"],
            event["source"],
        )
        assert interaction["time"] <= event["time"]
    assert len({event["data"]["id"] for event in withdrawn}) == len(withdrawn)


def test_late_and_double_in_the_shares_asked_for() -> None:
    shape = Shape(members=100, events=20_000, days=90, late=0.1, duplicates=0.05)
    events = list(generate(shape))
    twice = sum(count - 1 for count in Counter(raw for _, _, raw in events).values())
    assert 0.04 < twice / len(events) < 0.06
    late, newest = 0, START
    for _, at, _ in events:
        late += at < newest - 60_000_000
        newest = max(newest, at)
    assert 0.09 < late / len(events) < 0.18


def test_in_order_and_once_where_nothing_is_to_go_wrong() -> None:
    shape = Shape(events=3_000, late=0, duplicates=0, weights={types.PURCHASE_COMPLETED: 1})
    events = list(generate(shape))
    times = [at for _, at, _ in events]
    assert times == sorted(times)
    assert {event_type for event_type, _, _ in events} == {types.PURCHASE_COMPLETED}
    assert len({raw for _, _, raw in events}) == len(events)


@pytest.mark.parametrize("members", [1, 5, 1_000_000])
def test_every_member_has_a_name_of_their_own(members: int) -> None:
    chain = Chain(members, stores=3, seed=1)
    some = range(0, members, max(1, members // 1_000))
    assert len({chain.subject(member) for member in some}) == len(some)
    assert len({chain.further_name(member) for member in some}) == len(some)


def test_memory_does_not_grow_with_the_stream() -> None:
    stream = generate(Shape(members=1_000, events=10_000_000, late=0.02))
    for _ in islice(stream, 30_000):
        pass
    tracemalloc.start()
    for _ in islice(stream, 10_000):
        pass
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 12_000_000
