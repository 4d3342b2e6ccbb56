"""What batches leave in the database and on the topic, however the facts were cut and ordered."""

import random
from uuid import UUID

import msgspec
import orjson
import pytest

from services.segmentation.domain.facts import (
    AnyFact,
    Interaction,
    Joined,
    ProfileFact,
    Purchase,
    Refund,
)
from services.segmentation.domain.tagging import tags_of
from shared.clock import DAY, HOUR, Instant, ManualClock, parse_instant
from shared.events import Event, decode
from shared.events.decisions import TagsChanged, TierChanged
from shared.events.models import MODELS
from shared.runtime.program import Proposal, put
from tests.integration.services.segmentation.conftest import NewDesk
from tests.integration.services.segmentation.desk import Desk, event_of
from tests.property.services.segmentation.stories import document

pytestmark = pytest.mark.integration

START = parse_instant("2024-01-01T08:00:00Z")
END = START + 400 * DAY
MEMBERS = [UUID(int=0x0189 << 112 | 7 << 76 | 2 << 62 | n) for n in range(1, 6)]


def chain(seed: int) -> list[Event]:
    """A hundred days of a few members; facts share instants, orders are paid back."""
    chance = random.Random(seed)
    events: list[Event] = []
    for m, member in enumerate(MEMBERS):
        at: Instant = START + m
        orders: list[str] = []
        for i in range(22):
            name = f"e{m}-{i}"
            kind = chance.choice("pppppprii")
            fact: AnyFact
            if i == 0:
                told = ProfileFact(name, None, None, "Wuhan", ("tea", 'odd "name", {x}'))
                fact = Joined(name, "north", told)
            elif kind == "p":
                orders.append(name)
                lines = (("s", chance.choice(("BAKERY", "DAIRY")), 900),)
                store = chance.choice(("north", "south"))
                fact = Purchase(name, name, store, chance.randrange(1, 3000), lines)
            elif kind == "r" and orders:
                fact = Refund(name, chance.choice(orders), chance.choice((100, 5000)))
            else:
                fact = Interaction(name, chance.choice(("share", "click")))
            events.append(event_of(member, at, name, fact))
            at += chance.choice((0, HOUR, DAY, 3 * DAY, 8 * DAY))
    return events


async def _sorted_log(desk: Desk, events: list[Event]) -> None:
    await desk.take(sorted(events, key=lambda event: (event.at, event.key)), END)


@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 7), (3, 1000)])
async def test_any_order_and_any_batches_leave_the_same_books(
    new_desk: NewDesk, seed: int, size: int
) -> None:
    events = chain(seed)
    straight, crooked = await new_desk(), await new_desk()
    await _sorted_log(straight, events)

    arriving = [*events, *events[::3]]
    random.Random(seed).shuffle(arriving)
    for i in range(0, len(arriving), size):
        await crooked.take(arriving[i : i + size])
    await crooked.take([], END, timers=1000)

    assert await crooked.books() == await straight.books()
    assert await straight.fetch("SELECT count(*) FROM changes WHERE superseded") == [(0,)]
    for member, state in (await crooked.states()).items():
        tags = {tag for tag, _, _ in tags_of(state, crooked.machine.versions.newest)}
        assert crooked.folded(member) == straight.folded(member) == (tags, state.tier.name)
        rows = await crooked.fetch("SELECT tag FROM member_tags WHERE member_id = $1", member)
        assert {tag for (tag,) in rows} == tags


async def test_decisions_go_out_in_order_of_time_and_name_their_cause(new_desk: NewDesk) -> None:
    desk = await new_desk()
    events = chain(4)
    known = {event.id for event in events}
    batch = await desk.take(sorted(events, key=lambda event: (event.at, event.key)), END)
    published = [decode(message.value) for message in batch.outgoing]
    for message, event in zip(batch.outgoing, published, strict=True):
        data = orjson.loads(message.value)["data"]
        MODELS[event.type].model_validate_json(orjson.dumps(data))  # as strict as the edge
    assert published
    assert [event.at for event in published] == sorted(event.at for event in published)
    assert len({event.id for event in published}) == len(published)
    for event in published:
        if isinstance(event.data, TagsChanged):
            assert {why.tag for why in event.data.because} == {
                *event.data.added,
                *event.data.removed,
            }
        whys = event.data.because if isinstance(event.data, TagsChanged) else [event.data.because]
        for why in whys:
            assert why.event_id is None or why.event_id in known
            assert why.program_version == 1
            assert why.rule


async def test_a_late_purchase_is_corrected_in_the_open(new_desk: NewDesk) -> None:
    desk, member = await new_desk(), MEMBERS[0]
    first = event_of(member, START + 10 * DAY, "second", Purchase("second", "o2", "north", 500))
    await desk.take([first])
    posted = list(desk.published[member])
    assert [type(data) for *_, data in posted].count(TierChanged) == 1

    late = event_of(member, START, "first", Purchase("first", "o1", "north", 500))
    batch = await desk.take([late])

    assert batch.rebuilds == 1
    corrections = desk.published[member][len(posted) :]
    tiers = [data for *_, data in corrections if isinstance(data, TierChanged)]
    # first tier: not on day 10, but on day 0; and the second level on day 10
    assert [(data.from_, data.to) for data in tiers] == [(None, "one"), ("one", "two")]
    assert tiers[0].supersedes is None
    assert tiers[1].supersedes in {id_ for _, _, id_, _ in posted}
    assert tiers[1].correction == "first"
    tags, tier = desk.folded(member)
    assert tier == "two"
    assert "once" in tags


async def test_a_decision_that_was_never_true_is_withdrawn(new_desk: NewDesk) -> None:
    """The member had lapsed on day 30, so it seemed; an offline till brings an order of day 20."""
    desk, member = await new_desk(), MEMBERS[0]
    await desk.take([event_of(member, START, "a", Purchase("a", "o1", "north", 500))])
    await desk.pass_time(START + 31 * DAY)
    assert "gone" in desk.folded(member)[0]
    gone = next(
        id_
        for _, _, id_, data in desk.published[member]
        if isinstance(data, TagsChanged) and "gone" in data.added
    )

    late = event_of(member, START + 20 * DAY, "b", Purchase("b", "o2", "north", 500))
    await desk.take([late])

    assert "gone" not in desk.folded(member)[0]
    assert await desk.fetch("SELECT since FROM member_tags WHERE tag = 'gone'") == []
    withdrawal = next(data for *_, data in desk.published[member] if data.supersedes == gone)
    assert isinstance(withdrawal, TagsChanged)
    assert "gone" not in withdrawal.added
    assert withdrawal.correction == "b"
    await desk.pass_time(START + 50 * DAY)
    assert "gone" in desk.folded(member)[0]
    rows = await desk.fetch("SELECT since FROM member_tags WHERE tag = 'gone'")
    assert rows == [(START + 50 * DAY,)]


async def test_another_explanation_of_what_stands_is_mended_and_not_published(
    new_desk: NewDesk,
) -> None:
    """Two orders of one instant: whichever is told first, the first by its key is the first."""
    desk, member = await new_desk(), MEMBERS[0]
    pair = [
        event_of(member, START, name, Purchase(name, f"o-{name}", "north", 600)) for name in "ab"
    ]
    first, second = sorted(pair, key=lambda event: event.key)
    await desk.take([second])
    why = "SELECT cause FROM changes WHERE kind = 'tags' AND NOT superseded"
    assert await desk.fetch(why) == [(second.id,)]
    told = [id_ for *_, id_, data in desk.published[member] if isinstance(data, TagsChanged)]

    await desk.take([first])

    assert await desk.fetch(why) == [(first.id,)]
    again = [id_ for *_, id_, data in desk.published[member] if isinstance(data, TagsChanged)]
    assert again == told


async def test_nobody_idle_costs_anything(new_desk: NewDesk) -> None:
    """dittofeed #995: windowed segments cost O(members) a poll, and 30 days end a day early."""
    desk = await new_desk()
    events = [
        event_of(member, START, f"p{i}", Purchase(f"p{i}", f"o{i}", "north", 500))
        for i, member in enumerate(MEMBERS)
    ]
    await desk.take(events)
    before = await desk.fetch("SELECT member_id, xmin::text FROM timelines ORDER BY 1")

    # seven days later something happens (odd ends), nothing in between
    assert await desk.pass_time(START + 7 * DAY - 1) == 0
    assert await desk.fetch("SELECT member_id, xmin::text FROM timelines ORDER BY 1") == before
    assert await desk.pass_time(START + 7 * DAY) == len(MEMBERS)
    assert await desk.pass_time(START + 25 * DAY - 1) == 0
    # and every timer brought a change that can be seen
    rows = await desk.fetch("SELECT count(*) FROM changes WHERE at = $1", START + 7 * DAY)
    assert rows == [(len(MEMBERS),)]


async def test_a_new_version_of_the_program_reaches_who_is_idle(new_desk: NewDesk) -> None:
    clock = ManualClock(START + DAY)
    desk, (idle, busy) = await new_desk(clock=clock), MEMBERS[:2]
    await desk.take([event_of(idle, START, "a", Purchase("a", "o1", "north", 500))])
    other = document(groups=document()["groups"][1:2])
    begins = START + 2 * DAY
    async with desk.database.transaction() as tx:
        await put(tx, desk.part, Proposal(other, "li", effective_from=begins), clock.now())
    await desk.take([event_of(busy, START + DAY, "b", Purchase("b", "o2", "north", 500))])

    await desk.pass_time(begins)

    rows = await desk.fetch("SELECT tag, since FROM member_tags WHERE member_id = $1", idle)
    assert {tag for tag, _ in rows} == {"quiet", "odd"}
    withdrawn = [
        why
        for at, _, _, data in desk.published[idle]
        if at == begins and isinstance(data, TagsChanged)
        for why in data.because
    ]
    assert {(why.tag, why.rule, why.program_version) for why in withdrawn} == {
        ("once", "program", 2)
    }


async def test_texts_that_a_column_cannot_hold_are_no_poison(new_desk: NewDesk) -> None:
    desk, member = await new_desk(), MEMBERS[0]
    odd = 'a\0"b\\{},é茶'
    order = Purchase(odd, odd, odd, 500, (("s", odd, 500),))
    await desk.take([event_of(member, START, odd, order)])
    again = msgspec.structs.replace(order, order_id=odd + "2")
    await desk.take([event_of(member, START + HOUR, odd + "2", again)])
    await desk.take([event_of(member, START, "t", ProfileFact("t", None, None, odd, (odd, "tea")))])

    kept = odd.replace("\0", "\ufffd")
    [(categories, store, city, interests, counts)] = await desk.fetch(
        "SELECT categories, home_store, city, interests, category_orders->>$1"
        " FROM members_features",
        kept,
    )
    assert (categories, store, city, counts) == ([kept], kept, kept, "2")
    assert set(interests) == {kept, "tea"}
    rows = await desk.fetch("SELECT tag FROM member_tags WHERE tag LIKE 'interest:%'")
    assert rows == [(f"interest:{kept}",)]
