"""A version withdrawn: what it said too much is taken back, what it kept back is said."""

import copy
from typing import Any

import pytest

from services.notify.__main__ import SERVICE
from services.notify.handlers.controls import ControlBook, say
from services.notify.handlers.foresight import NotifyForesight
from shared.clock import MINUTE, ManualClock
from shared.db import Database
from shared.events import Event, types
from shared.runtime.batch import Batch
from shared.runtime.foresight import Foresight
from shared.runtime.program import ProgramHistory, Proposal, put, stored_versions
from shared.runtime.withdrawing import time_of, withdraw
from tests.conftest import NewDatabase
from tests.integration.services.notify.notify_lane import (
    NotifyLane,
    SundayNoon,
    days,
    hours,
    joined,
    purchase,
)
from tests.integration.services.notify.test_notify_decisions import standing, told
from tests.property.services.notify.notify_history import default_document

pytestmark = pytest.mark.integration

CAUSE = "program:2:withdrawn"
BEGINS, ENDS = SundayNoon + hours(1), SundayNoon + hours(3)


def hasty() -> dict[str, Any]:
    """After a purchase everything is said at once, and always; nobody is welcomed."""
    other: dict[str, Any] = copy.deepcopy(default_document())
    del other["journeys"]["welcome"]
    other["caps"] = []
    other["quiet_hours"] = None
    for i, step in enumerate(other["journeys"]["after_purchase"]["steps"]):
        if "wait" in step:
            step["wait"] = {"since_entry": f"{4 + i}m"}
    return other


async def versions(lane: NotifyLane) -> None:
    async with lane.database.transaction() as tx:
        await lane.history.refresh(tx)
        for each, at in ((hasty(), BEGINS), (default_document(), ENDS)):
            proposal = Proposal(each, "hq", effective_from=at)
            await put(tx, lane.history.part, proposal, SundayNoon - days(1))


async def take_back(lane: NotifyLane) -> None:
    async with lane.database.transaction() as tx:
        await withdraw(tx, 2, by="hq", note="", now=lane.clock.now(), members=None)


async def judge(lane: NotifyLane, until: int) -> tuple[Batch, list[Event]]:
    return await lane.turn(until, anew=10)


async def test_what_it_said_too_much_is_withdrawn_and_the_rest_follows_the_one_before(
    lane: NotifyLane, new_database: NewDatabase, clock: ManualClock
) -> None:
    other = Database(await new_database(SERVICE.migrations), application_name="test-notify")
    never = NotifyLane(other, clock)
    facts = [joined(BEGINS + MINUTE), purchase("1", BEGINS + 2 * MINUTE)]
    for each in (lane, never):
        await versions(each)
    await take_back(never)
    for each in (lane, never):
        await each.feed(facts, BEGINS + 2 * MINUTE)
        await each.feed([], BEGINS + hours(1))
    assert len(await standing(lane)) > len(await standing(never))
    await take_back(lane)

    batch, out = await judge(lane, BEGINS + hours(1))
    assert batch.rebuilds == 1
    assert (types.JOB_REQUESTED, "20s", None) in told(out), "the welcome that was not said"
    gone = [each for each in out if getattr(each.data, "reason", None) == "withdrawn"]
    assert gone
    assert {each.data.correction for each in gone} == {CAUSE}
    again, nothing = await judge(lane, BEGINS + hours(1))
    assert (again.rebuilds, nothing) == (0, [])

    for each in (lane, never):
        await each.feed([], SundayNoon + days(20))
    assert await standing(lane) == await standing(never)
    await other.close()


async def test_the_preview_counts_messages_and_knows_of_pauses(lane: NotifyLane) -> None:
    await versions(lane)
    await lane.feed([joined(BEGINS + MINUTE), purchase("1", BEGINS + 2 * MINUTE)])
    await lane.feed([], BEGINS + hours(1))
    book = ControlBook()
    foresight = Foresight(
        history=ProgramHistory(lane.history.part, lane.clock),
        part=NotifyForesight(book),
        clock=ManualClock(BEGINS + hours(1)),
        consumer="notify",
        partitions=1,
        stream=False,
        by_time=True,
        prepare=book.refresh,
    )

    async def changes() -> dict[str, tuple[int, int]]:
        async with lane.database.transaction() as tx:
            rows = await stored_versions(tx)
            foreseen = await foresight.foresee(tx, time_of(rows, 2), 10)
        assert (foreseen.members, foreseen.sample, foreseen.changed) == (1, 1, 1)
        assert {each.kind for each in foreseen.changes} == {"message"}
        return {each.name: (each.taken, each.given) for each in foreseen.changes}

    told_of = await changes()
    assert told_of["welcome/20s"] == (0, 1)
    assert told_of["after_purchase/7d"] == (1, 0)
    assert "after_purchase/3m" not in told_of, "said either way"
    async with lane.database.transaction() as tx:
        await say(tx, "welcome", "pause", by="li", note="", now=SundayNoon)
    assert "welcome/20s" not in await changes()
