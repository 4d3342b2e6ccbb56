"""The order index over a real database: what it adds to the log, and what follows for members."""

import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.handlers.added_facts import ORIGIN
from services.ingest.handlers.order_index import OrderIndex
from services.ingest.metrics import IngestMetrics
from services.ingest.schedule import Forgetting
from shared.clock import DAY, HOUR, MINUTE, SECOND, Instant, ManualClock, parse_instant
from shared.db import Database
from shared.events import Event, decode, encode, facts, types
from shared.kafka.consumer import Record
from shared.runtime.batch import Arrived, Batch
from shared.timers.timelines import Order as Place

pytestmark = pytest.mark.integration

NOON: Instant = parse_instant("2026-03-01T12:00:00Z")
A, B, C = (UUID(int=n) for n in (1, 2, 3))


def event(
    type_: str, data: Any, member: UUID | None, *, id_: str, at: Instant, told: Instant
) -> Event:
    subject = "" if member is None else str(member)
    return decode(
        encode(
            type=type_,
            source="urn:pos",
            id=id_,
            subject=subject,
            at=at,
            data=data,
            recorded_at=told,
        )
    )


def sold(
    member: UUID | None,
    order: str = "1001",
    *,
    id_: str = "",
    at: Instant = NOON,
    told: Instant = NOON,
    total: int = 10_000,
    code: str | None = None,
) -> Event:
    data = facts.PurchaseCompleted(
        order_id=order,
        store_id="s1",
        currency="CNY",
        total=total,
        channel="store",
        receipt_code=code,
    )
    name = id_ or f"sold-{order}-{member}-{told}"
    return event(types.PURCHASE_COMPLETED, data, member, id_=name, at=at, told=told)


def returned(
    member: UUID | None,
    order: str = "1001",
    *,
    refund: str = "r1",
    at: Instant = NOON + HOUR,
    store: str | None = "s1",
    bought_at: str | None = None,
) -> Event:
    data = facts.PurchaseRefunded(
        order_id=order,
        refund_id=refund,
        store_id=store,
        order_store_id=bought_at,
        currency="CNY",
        amount=4_000,
    )
    name = f"returned-{order}-{refund}-{member}"
    return event(types.PURCHASE_REFUNDED, data, member, id_=name, at=at, told=at)


def claimed(member: UUID, code: str = "R-1", at: Instant = NOON + DAY) -> Event:
    data = facts.ReceiptClaimed(receipt_code=code)
    return event(types.RECEIPT_CLAIMED, data, member, id_=f"claim-{member}", at=at, told=at)


class Index:
    """The index, fed batch by batch; `added` is all that it put on the log."""

    def __init__(self, database: Database, *, stream: bool = False) -> None:
        self.database = database
        self.registry = CollectorRegistry()
        self.handler = OrderIndex(IngestMetrics(self.registry), stream=stream)
        self.added: list[Event] = []
        self.now = NOON + 2 * DAY

    async def feed(self, *events: Event) -> list[tuple[str, str]]:
        """One batch; returns type and member of what was added."""
        batch = Batch(partition=0, partitions=4, now=self.now, until=self.now)
        async with self.database.transaction() as tx:
            await self.handler.handle(tx, [self._arrived(each) for each in events], batch)
        added = [decode(message.value) for message in batch.outgoing]
        for each, message in zip(added, batch.outgoing, strict=True):
            assert message.key == each.subject.encode()
            assert each.source == ORIGIN
        self.added += added
        if added:  # the log brings them back
            await self.feed(*added)
        self.now += SECOND
        return [(each.type, each.subject) for each in added]

    def _arrived(self, each: Event) -> Arrived:
        value = encode(
            type=each.type,
            source=each.source,
            id=each.id,
            subject=each.subject,
            at=each.at,
            data=each.data,
            recorded_at=each.recorded_at or self.now,
        )
        record = Record("regulars.events", 0, 0, 0, b"", value, ())
        return Arrived(record, Place(each.at, 0, each.key), each)

    def counted(self, what: str) -> float:
        name = "regulars_ingest_orders_total"
        return self.registry.get_sample_value(name, {"what": what}) or 0.0


@pytest.fixture
def index(ingest_database: str) -> Index:
    return Index(Database(ingest_database, application_name="test"))


async def test_p15_an_order_that_is_told_of_b_after_a_is_moved(index: Index) -> None:
    assert await index.feed(sold(A)) == []
    added = await index.feed(sold(B, told=NOON + MINUTE))
    assert added == [(types.ORDER_MOVED, str(A)), (types.ORDER_MOVED, str(B))]
    away = index.added[0]
    assert (away.data.order_id, away.data.store_id) == ("1001", "s1")
    assert (away.data.from_, away.data.to) == (str(A), str(B))
    assert away.at > NOON
    assert index.counted("moved") == 1
    # the same words again say nothing new
    assert await index.feed(sold(B, told=NOON + MINUTE), sold(B, told=NOON + HOUR)) == []


async def test_in_one_batch_or_in_the_wrong_order_the_last_word_counts(index: Index) -> None:
    assert await index.feed(sold(B, told=NOON + MINUTE), sold(A)) == [(types.ORDER_MOVED, str(A))]
    added = await index.feed(sold(A, id_="third", told=NOON + HOUR))
    assert added == [(types.ORDER_MOVED, str(B)), (types.ORDER_MOVED, str(A))]
    first, last = index.added[0], index.added[-1]
    assert last.data.to == str(A)
    assert last.at > first.at


async def test_a_number_that_a_till_uses_twice_takes_nothing_from_anybody(index: Index) -> None:
    assert await index.feed(sold(A), sold(B, total=2_000, told=NOON + MINUTE)) == []
    assert index.counted("reused") == 1
    # nor does a refund of the one go to the other
    assert await index.feed(returned(B), returned(None, refund="r2")) == []


@pytest.mark.parametrize("member", [B, None])
async def test_a_refund_for_somebody_else_or_nobody_reaches_the_buyer(
    index: Index, member: UUID | None
) -> None:
    assert await index.feed(sold(A)) == []
    assert await index.feed(returned(member)) == [(types.PURCHASE_REFUNDED, str(A))]
    [refund] = index.added
    assert (refund.data.refund_id, refund.data.amount, refund.at) == ("r1", 4_000, NOON + HOUR)
    assert index.counted("redirected") == 1
    assert await index.feed(returned(A, refund="r2")) == []


async def test_also_before_the_purchase_comes(index: Index) -> None:
    assert await index.feed(returned(None), returned(B, refund="r2")) == []
    assert await index.feed(sold(A)) == [(types.PURCHASE_REFUNDED, str(A))] * 2
    assert [each.data.refund_id for each in index.added] == ["r1", "r2"]


async def test_a_refund_of_an_older_order_with_that_number_waits_in_vain(index: Index) -> None:
    assert await index.feed(returned(None, at=NOON - 40 * DAY)) == []
    assert await index.feed(sold(A)) == []


async def test_what_is_paid_back_in_another_store_is_the_members_own(index: Index) -> None:
    elsewhere = facts.PurchaseCompleted(
        order_id="1001", store_id="s2", currency="CNY", total=9_000, channel="store"
    )
    await index.feed(
        sold(A),
        event(types.PURCHASE_COMPLETED, elsewhere, B, id_="b", at=NOON, told=NOON),
    )
    # B bought at s2 and returns at s1, where A has an order of that number
    assert await index.feed(returned(B)) == []
    # unless it is said that it was bought at s1
    added = await index.feed(returned(B, refund="r2", bought_at="s1"))
    assert added == [(types.PURCHASE_REFUNDED, str(A))]


async def test_a_refund_without_any_store_is_of_the_only_order_of_its_number(index: Index) -> None:
    await index.feed(sold(A))
    assert await index.feed(returned(None, store=None)) == [(types.PURCHASE_REFUNDED, str(A))]


async def test_an_order_that_moves_takes_its_refunds_along(index: Index) -> None:
    await index.feed(sold(A), returned(A))
    added = await index.feed(sold(B, told=NOON + MINUTE))
    assert added == [
        (types.ORDER_MOVED, str(A)),
        (types.ORDER_MOVED, str(B)),
        (types.PURCHASE_REFUNDED, str(B)),
    ]


async def test_a_change_for_another_moves_the_order(index: Index) -> None:
    await index.feed(sold(A))
    data = facts.PurchaseChanged(
        order_id="1001", store_id="s1", currency="CNY", total=7_000, channel="store"
    )
    changed = event(types.PURCHASE_CHANGED, data, None, id_="c", at=NOON + HOUR, told=NOON + HOUR)
    assert await index.feed(changed) == [(types.PURCHASE_CHANGED, str(A))]
    for_b = event(types.PURCHASE_CHANGED, data, B, id_="d", at=NOON + DAY, told=NOON + DAY)
    added = await index.feed(for_b)
    assert (types.ORDER_MOVED, str(A)) in added
    assert (types.ORDER_MOVED, str(B)) in added


async def test_p35_a_basket_without_a_name_is_whose_receipt_is_claimed(index: Index) -> None:
    basket = sold(None, code="R-1")
    assert await index.feed(basket, returned(None)) == []
    added = await index.feed(claimed(A))
    assert added == [(types.PURCHASE_COMPLETED, str(A)), (types.PURCHASE_REFUNDED, str(A))]
    bought = index.added[0]
    assert (bought.at, bought.data) == (NOON, basket.data)
    assert index.counted("claimed") == 1
    assert await index.feed(claimed(A)) == []
    # nobody else can claim it, and refunds reach who did
    assert await index.feed(claimed(B)) == []
    assert index.counted("claimed_before") == 1
    assert await index.feed(returned(None, refund="r2")) == [(types.PURCHASE_REFUNDED, str(A))]


async def test_a_claim_waits_for_its_basket(index: Index) -> None:
    assert await index.feed(claimed(A)) == []
    assert await index.feed(sold(None, code="R-1")) == [(types.PURCHASE_COMPLETED, str(A))]


async def test_a_refund_that_comes_before_its_basket_hides_neither(index: Index) -> None:
    assert await index.feed(returned(None)) == []
    assert await index.feed(sold(None, code="R-1")) == []
    added = await index.feed(claimed(A))
    assert added == [(types.PURCHASE_COMPLETED, str(A)), (types.PURCHASE_REFUNDED, str(A))]


async def test_a_basket_that_a_till_names_in_the_end_is_not_given_away(index: Index) -> None:
    await index.feed(sold(None, code="R-1"), sold(B, told=NOON + MINUTE))
    assert await index.feed(claimed(A)) == []
    assert index.counted("claimed_before") == 1


async def test_what_is_older_than_four_hundred_days_is_forgotten(index: Index) -> None:
    await index.feed(sold(A), returned(A), sold(None, "1002", code="R-2"))
    clock = ManualClock(NOON + 399 * DAY)
    await Forgetting(index.database, clock).turn()
    assert await index.feed(returned(None, refund="r2")) == [(types.PURCHASE_REFUNDED, str(A))]
    clock.set(NOON + 403 * DAY)
    await Forgetting(index.database, clock).turn()
    assert await index.feed(returned(None, refund="r3")) == []
    async with index.database.transaction() as tx:
        [row] = await tx.fetch(
            "SELECT (SELECT count(*) FROM order_index) + (SELECT count(*) FROM receipt_codes) AS n"
        )
    assert row["n"] == 1  # the refund that waits now


def standing(events: Iterable[Event]) -> dict[UUID, int]:
    """A slow second way: what each member's history leaves of the order, told by told."""
    left: dict[UUID, int] = {}
    by_member: dict[str, list[Event]] = {}
    for each in events:
        by_member.setdefault(each.subject, []).append(each)
    for subject, told in by_member.items():
        bought, back, here, seen = 0, 0, True, set[str]()
        for each in sorted(told, key=lambda each: each.at):
            if each.type == types.PURCHASE_COMPLETED:
                bought = each.data.total
            elif each.type == types.PURCHASE_REFUNDED and each.data.refund_id not in seen:
                seen.add(each.data.refund_id)
                back += each.data.amount
            elif each.type == types.ORDER_MOVED:
                here = each.data.to == subject
        if subject and bought and here:
            left[UUID(subject)] = bought - back
    return left


async def test_in_any_order_the_last_to_be_named_has_the_order_and_its_refunds(
    index: Index,
) -> None:
    chance = random.Random(20261128)
    for n in range(60):
        order = f"order-{n}"
        story = [sold(A, order)]
        story += [
            sold(chance.choice((A, B, C)), order, told=NOON + minute * MINUTE)
            for minute in chance.sample(range(1, 60), chance.randrange(4))
        ]
        owner = UUID(story[-1].subject) if len(story) == 1 else None
        if owner is None:
            owner = UUID(max(story, key=lambda each: each.recorded_at or 0).subject)
        story += [
            returned(chance.choice((A, B, C, None)), order, refund=f"r{k}")
            for k in range(chance.randrange(3))
        ]
        refunds = sum(each.type == types.PURCHASE_REFUNDED for each in story)
        arrival = chance.sample(story, len(story))
        before = len(index.added)
        while arrival:
            size = chance.randrange(1, 4)
            await index.feed(*arrival[:size])
            arrival = arrival[size:]
        found = standing([*story, *index.added[before:]])
        assert found == {owner: 10_000 - 4_000 * refunds}, (n, found)
