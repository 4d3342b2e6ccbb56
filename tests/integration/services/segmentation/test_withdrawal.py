"""A version withdrawn: tags and tiers are as if it had never been in force, and each says why."""

from typing import Any

import pytest

from services.segmentation.handlers.foresight import SegmentationForesight
from shared.clock import DAY
from shared.events.decisions import TagsChanged, TierChanged
from shared.runtime.foresight import Foresight
from shared.runtime.program import ProgramHistory, Proposal, put, stored_versions
from shared.runtime.withdrawing import time_of, withdraw
from tests.integration.services.segmentation.conftest import NewDesk
from tests.integration.services.segmentation.desk import Desk
from tests.integration.services.segmentation.test_effects import END, MEMBERS, START, chain
from tests.property.services.segmentation.stories import document

pytestmark = pytest.mark.integration

CAUSE = "program:2:withdrawn"


def generous() -> dict[str, Any]:
    """Whoever buys once is as good as whoever buys often; a tag that nobody else gives."""
    other = document()
    other["groups"] = other["groups"][1:3]
    for level in other["tiers"]["levels"][1:]:
        level["when"] = {"feature": "orders", "at_least": 1}
    return other


async def versions(desk: Desk, begins: int, ends: int) -> None:
    """The generous one for a while, and then what was before."""
    async with desk.database.transaction() as tx:
        await desk.effects.prepare(tx)
        for each, at in ((generous(), begins), (document(), ends)):
            await put(tx, desk.part, Proposal(each, "hq", effective_from=at), START - DAY)


async def take_back(desk: Desk) -> None:
    async with desk.database.transaction() as tx:
        await withdraw(tx, 2, by="hq", note="", now=desk.clock.now(), members=None)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("at_once", [2, 100])
async def test_whoever_was_judged_by_it_is_as_if_it_had_never_been(
    new_desk: NewDesk, seed: int, at_once: int
) -> None:
    begins, ends = START + 20 * DAY, START + 26 * DAY
    events = sorted(chain(seed), key=lambda event: (event.at, event.key))
    never, desk = await new_desk(), await new_desk()
    for each in (never, desk):
        await versions(each, begins, ends)
    await take_back(never)  # before it has begun
    await never.take(events, END, timers=1_000)
    half = [event for event in events if event.at < ends + DAY]
    await desk.take(half, timers=1_000)
    posted = {id_ for told in desk.published.values() for _, _, id_, _ in told}
    await take_back(desk)

    rebuilds = [1]
    while rebuilds[-1]:
        rebuilds.append((await desk.take([], anew=at_once)).rebuilds)
    assert sum(rebuilds) == 1 + len(MEMBERS), "each once"
    corrections = [
        data for told in desk.published.values() for _, _, id_, data in told if id_ not in posted
    ]
    assert {data.correction for data in corrections} == {CAUSE}
    assert {type(data) for data in corrections} == {TagsChanged, TierChanged}

    await desk.take(events[len(half) :], END, timers=1_000)
    assert await desk.books() == await never.books()
    for member in MEMBERS:
        assert desk.folded(member) == never.folded(member)


async def test_whoever_is_heard_of_first_is_judged_anew_first(new_desk: NewDesk) -> None:
    events = sorted(chain(5), key=lambda event: (event.at, event.key))
    never, desk = await new_desk(), await new_desk()
    for each in (never, desk):
        await versions(each, START + 20 * DAY, END + DAY)
    await take_back(never)
    await never.take(events, END, timers=1_000)
    await desk.take(events[:-10], timers=1_000)
    await take_back(desk)
    batch = await desk.take(events[-10:], END, timers=1_000)
    assert batch.rebuilds >= len({event.subject for event in events[-10:]})
    while (await desk.take([], anew=50)).rebuilds:
        pass
    await desk.pass_time(END)
    assert await desk.books() == await never.books()


async def test_time_alone_is_enough_to_be_judged_by_a_version(new_desk: NewDesk) -> None:
    """Nobody does anything in its time; it moved everybody nevertheless."""
    desk, never = await new_desk(), await new_desk()
    first = [event for event in chain(6) if event.at < START + DAY]
    for each in (desk, never):
        await versions(each, START + 5 * DAY, START + 6 * DAY)
        if each is never:
            await take_back(never)
        await each.take(first)
        await each.pass_time(START + 10 * DAY)
    assert await desk.books() != await never.books()
    await take_back(desk)
    while (await desk.take([], anew=50)).rebuilds:
        pass
    assert await desk.books() == await never.books()


async def test_the_preview_counts_members_by_tag_and_tier(new_desk: NewDesk) -> None:
    desk = await new_desk()
    begins = START + 5 * DAY
    await versions(desk, begins, END)
    first = [event for event in chain(6) if event.at < START + DAY]
    await desk.take(first)
    await desk.pass_time(START + 10 * DAY)
    foresight = Foresight(
        history=ProgramHistory(desk.part, desk.clock),
        part=SegmentationForesight(),
        clock=desk.clock,
        consumer="segmentation",
        partitions=1,
        stream=True,
        by_time=True,
    )
    before = await _held(desk)
    async with desk.database.transaction() as tx:
        rows = await stored_versions(tx)
        foreseen = await foresight.foresee(tx, time_of(rows, 2), 100)
    assert foreseen.members == foreseen.sample == len({event.subject for event in first})
    await take_back(desk)
    while (await desk.take([], anew=50)).rebuilds:
        pass
    after = await _held(desk)
    expected = sorted(
        (kind, name, len(had - has), len(has - had))
        for kind, name in before.keys() | after.keys()
        for had, has in [(before.get((kind, name), set()), after.get((kind, name), set()))]
        if had != has
    )
    assert [tuple(each) for each in foreseen.changes] == expected
    assert {kind for kind, *_ in expected} == {"tag", "tier"}


async def _held(desk: Desk) -> dict[tuple[str, str], set[Any]]:
    """Who has which tag and which tier."""
    held: dict[tuple[str, str], set[Any]] = {}
    for kind, sql in (
        ("tag", "SELECT tag, member_id FROM member_tags"),
        ("tier", "SELECT tier, member_id FROM member_tiers WHERE tier <> ''"),
    ):
        for name, member in await desk.fetch(sql):
            held.setdefault((kind, name), set()).add(member)
    return held
