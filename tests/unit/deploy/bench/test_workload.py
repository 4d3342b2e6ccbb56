"""The purchases of the benchmarks are what they say: valid, repeatable, spread, in order."""

from collections import Counter

import orjson

from deploy.bench.workload import GAP, Purchases
from shared.clock import DAY
from shared.events import decode, types
from shared.events.facts import PurchaseCompleted

PURCHASES = Purchases(1_000, "a", 20_000 * DAY)


def test_a_recorded_purchase_is_one_that_services_read() -> None:
    key, value = PURCHASES.recorded(1_234)
    event = decode(value)
    assert event.type == types.PURCHASE_COMPLETED
    assert event.subject.encode() == key
    assert event.at == PURCHASES.at(1_234)
    assert isinstance(event.data, PurchaseCompleted)
    assert event.data.lines is not None
    assert event.data.total == sum(line.amount for line in event.data.lines)
    assert len(event.data.lines) == 5
    assert 550 <= len(value) <= 800


def test_the_same_number_is_the_same_purchase() -> None:
    again = Purchases(1_000, "a", 20_000 * DAY)
    assert [again.recorded(i) for i in range(50)] == [PURCHASES.recorded(i) for i in range(50)]
    other_run = Purchases(1_000, "b", 20_000 * DAY)
    ids = {decode(other_run.recorded(i)[1]).id for i in range(50)}
    assert ids.isdisjoint(decode(PURCHASES.recorded(i)[1]).id for i in range(50))


def test_everybody_comes_once_before_anybody_comes_twice_and_then_evenly() -> None:
    assert len({PURCHASES.member_id(number) for number in range(1_000)}) == 1_000
    counts = Counter(PURCHASES.member(number) for number in range(1_000, 101_000))
    assert len(counts) > 990
    assert max(counts.values()) < 500


def test_time_goes_on() -> None:
    assert PURCHASES.at(11) - PURCHASES.at(10) == GAP > 0


def test_bodies_hold_the_events_asked_for() -> None:
    bodies = [orjson.loads(body) for body in PURCHASES.batches(10, 25, 10)]
    assert [len(body) for body in bodies] == [10, 5]
    assert bodies[0][0]["subject"] == "card:00000010"
    [identified] = PURCHASES.batches(10, 11, 10, identified=True)
    assert orjson.loads(identified)[0]["subject"] == PURCHASES.member_id(10)
