"""Decisions as they stand in the database and on `regulars.jobs`."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest

from services.notify.__main__ import SERVICE
from services.notify.domain.job import JobRecord
from services.notify.domain.state import MemberState
from services.notify.store import jobs
from services.notify.store.jobs import StoredJob, Wanted
from shared.clock import MINUTE, SECOND, ManualClock, to_datetime
from shared.db import Database
from shared.events import Event, types
from shared.events.decisions import JobFailed, JobSent
from shared.kafka.partitioner import MemberKey
from tests.conftest import NewDatabase
from tests.integration.services.notify.notify_lane import (
    MEMBER,
    NotifyLane,
    SundayNoon,
    consent,
    days,
    event,
    hours,
    joined,
    purchase,
    refund,
    tier,
)

pytestmark = pytest.mark.integration

ALL = Wanted(withdrawn=True, stores=None, limit=1_000, after=None)


async def stored(lane: NotifyLane, member: UUID = MEMBER) -> list[StoredJob]:
    async with lane.database.transaction() as tx:
        return await jobs.of_member(tx, MemberKey(0, member), ALL)


async def standing(lane: NotifyLane) -> dict[str, JobRecord]:
    """The decisions that hold: those withdrawn are left out."""
    found = await stored(lane)
    return {j.record.job_id: j.record for j in found if j.record.decision != "withdrawn"}


def told(events: Sequence[Event]) -> list[tuple[str, str, str | None]]:
    """Type, step and reason of outgoing jobs."""
    return [
        (each.type, each.data.step, getattr(each.data, "reason", None))
        for each in events
        if each.type in {types.JOB_REQUESTED, types.JOB_SUPPRESSED}
    ]


async def test_a_purchase_leads_to_its_messages_at_their_times(lane: NotifyLane) -> None:
    first = await lane.feed([purchase("1", SundayNoon)])
    assert told(first) == []
    out = await lane.feed([], SundayNoon + days(8))
    assert told(out) == [
        (types.JOB_REQUESTED, "3m", None),
        (types.JOB_REQUESTED, "1d", None),
        (types.JOB_REQUESTED, "7d", None),
    ]
    assert [each.at - SundayNoon for each in out] == [3 * MINUTE, days(1), days(7)]
    data = out[0].data
    assert data.because.event_id == "purchase-1"
    assert data.because.rule == "after_purchase/3m"
    assert data.because.figures[0].feature == "sent.wecom.day"
    assert data.content["variables"]["order_id"] == "1"
    assert data.not_before == to_datetime(out[0].at)


async def test_a_new_purchase_starts_the_clock_again(lane: NotifyLane) -> None:
    await lane.feed([purchase("1", SundayNoon)])
    await lane.feed([purchase("2", SundayNoon + days(5))])
    await lane.feed([], SundayNoon + days(8))
    steps = [(j.record.entry_event_id, j.record.step) for j in reversed(await stored(lane))]
    assert steps == [
        ("purchase-1", "3m"),
        ("purchase-1", "1d"),
        ("purchase-2", "3m"),
        ("purchase-2", "1d"),
    ]


async def test_a_refund_of_that_order_ends_its_messages(lane: NotifyLane) -> None:
    await lane.feed([purchase("1", SundayNoon)])
    out = await lane.feed(
        [refund("other", SundayNoon + hours(2)), refund("1", SundayNoon + hours(3))]
    )
    assert told(out) == [
        (types.JOB_REQUESTED, "3m", None),
        (types.JOB_SUPPRESSED, "1d", "exited"),
    ]
    assert out[1].data.because.event_id == "refund-1"
    assert await lane.feed([], SundayNoon + days(200)) == []


async def test_a_late_purchase_withdraws_what_was_requested_wrongly(lane: NotifyLane) -> None:
    out = await lane.feed([purchase("1", SundayNoon), purchase("3", SundayNoon + days(2))])
    assert told(out)[-1] == (types.JOB_REQUESTED, "1d", None)
    before = out[-1]
    # a till that was offline: this purchase was before the first one's message of day 1
    late = await lane.feed([purchase("2", SundayNoon + hours(20))])
    withdrawn = [e for e in late if e.type == types.JOB_SUPPRESSED and e.data.reason == "withdrawn"]
    assert [each.data.job_id for each in withdrawn] == [before.data.job_id]
    assert withdrawn[0].data.supersedes == before.id
    assert withdrawn[0].data.correction == "purchase-2"
    assert (types.JOB_REQUESTED, "3m", None) in told(late)
    assert (types.JOB_REQUESTED, "1d", None) in told(late)


async def test_any_order_of_arrival_ends_in_the_same_rows(
    lane: NotifyLane, new_database: NewDatabase, clock: ManualClock
) -> None:
    history = [
        joined(SundayNoon - 1_000_000),
        purchase("1", SundayNoon),
        tier("silver", SundayNoon + 1, id_="tier-1"),
        purchase("2", SundayNoon + hours(30)),
        consent(SundayNoon + days(9), granted=False),
        refund("2", SundayNoon + days(3)),
        purchase("3", SundayNoon + days(5)),
        tier("gold", SundayNoon + days(5) + 1, id_="tier-2", supersedes=None),
        consent(SundayNoon + days(20), granted=True),
    ]
    await lane.feed(sorted(history, key=lambda each: each.at))
    await lane.feed([], SundayNoon + days(150))
    url = await new_database(SERVICE.migrations)
    other = NotifyLane(Database(url, application_name="test-other"), clock)
    await other.prepare()
    for each in (4, 0, 7, 2, 8, 5, 1, 3, 6):
        await other.feed([history[each], history[each]])  # each twice, too
    await other.feed(history[:3], SundayNoon + days(150))
    await other.feed([], SundayNoon + days(150))
    expected = await standing(lane)
    assert len(expected) > 8
    assert await standing(other) == expected
    await other.database.close()


async def test_a_tier_that_is_unsaid_takes_its_message_along(lane: NotifyLane) -> None:
    out = await lane.feed([tier("gold", SundayNoon, id_="tier-1")], SundayNoon + hours(1))
    assert told(out) == [(types.JOB_REQUESTED, "notice", None)]
    unsaid = tier("silver", SundayNoon, id_="tier-2", supersedes="tier-1")
    out = await lane.feed([unsaid], SundayNoon + hours(1))
    assert [each.data.reason for each in out if each.type == types.JOB_SUPPRESSED] == ["withdrawn"]
    requested = [each for each in out if each.type == types.JOB_REQUESTED]
    assert [each.data.content["variables"]["tier_after"] for each in requested] == ["silver"]


async def test_history_is_recorded_but_not_spoken_with_the_wall_clock(
    lane: NotifyLane, clock: ManualClock
) -> None:
    clock.set(SundayNoon + days(400))
    out = await lane.feed([joined(SundayNoon), purchase("1", SundayNoon + 1)], stream=False)
    assert {type_ for type_, _, _ in told(out)} == {types.JOB_SUPPRESSED}
    reasons = {job.record.reason for job in await stored(lane)}
    assert "past_deadline" in reasons
    assert reasons <= {"past_deadline", "capped"}
    figure = out[0].data.because.figures[0]
    assert figure.feature == "decided_at"


async def test_what_was_found_too_late_does_not_use_up_the_caps(
    lane: NotifyLane, clock: ManualClock
) -> None:
    # the service was down since this morning: the message of 08:03 is past its deadline
    clock.set(SundayNoon + hours(10))
    out = await lane.feed([purchase("1", SundayNoon - hours(3))], stream=False)
    assert told(out) == [(types.JOB_SUPPRESSED, "3m", "past_deadline")]
    failed = [each for each in out if each.type == types.JOB_FAILED]
    assert [each.data.error for each in failed] == ["past_deadline"]
    await lane.feed(failed, stream=False)
    [state] = await _states(lane)
    assert state.sent == []
    assert (await stored(lane))[0].record.decision == "suppressed"


async def test_a_failed_message_frees_its_place_under_the_caps(
    lane: NotifyLane, clock: ManualClock
) -> None:
    clock.set(SundayNoon + hours(1))
    out = await lane.feed([purchase("1", SundayNoon)], stream=False)
    [job] = [each for each in out if each.type == types.JOB_REQUESTED]
    assert len((await _states(lane))[0].sent) == 1
    await lane.feed([_failed(job, SundayNoon + hours(1))], stream=False)
    assert (await _states(lane))[0].sent == []
    assert (await stored(lane))[0].delivery == "failed"


async def test_what_was_delivered_stays_and_is_marked(lane: NotifyLane, clock: ManualClock) -> None:
    clock.set(SundayNoon + hours(1))
    out = await lane.feed([purchase("1", SundayNoon)], stream=False)
    [job] = [each for each in out if each.type == types.JOB_REQUESTED]
    await lane.feed([_sent(job, SundayNoon + hours(1))], stream=False)
    late = await lane.feed([refund("1", SundayNoon + MINUTE)], stream=False)
    assert [e for e in late if e.data.job_id == job.data.job_id] == []
    [row] = [r for r in await stored(lane) if r.record.job_id == job.data.job_id]
    assert (row.delivery, row.superseded_by, row.record.decision) == (
        "sent",
        "refund-1",
        "requested",
    )


async def test_whoever_reports_an_order_later_and_earlier_it_is_said_once(
    lane: NotifyLane, clock: ManualClock
) -> None:
    """The till said it; minutes later the ERP says it, too, as two seconds before."""
    clock.set(SundayNoon + 4 * MINUTE)
    [job] = await lane.feed([purchase("1", SundayNoon)], stream=False)
    await lane.feed([_sent(job, SundayNoon + 4 * MINUTE)], stream=False)
    erp = purchase("1", SundayNoon - 2 * SECOND, id_="erp-1")
    assert await lane.feed([erp], stream=False) == []
    [said] = await stored(lane)
    assert (said.record.job_id, said.delivery, said.superseded_by) == (
        job.data.job_id,
        "sent",
        None,
    )


async def test_what_was_not_said_yet_follows_the_earlier_report(lane: NotifyLane) -> None:
    [job] = await lane.feed([purchase("1", SundayNoon)], SundayNoon + 4 * MINUTE)
    erp = purchase("1", SundayNoon - 2 * SECOND, id_="erp-1")
    [again] = await lane.feed([erp], SundayNoon + 5 * MINUTE)
    assert again.data.job_id == job.data.job_id
    assert again.data.supersedes == job.id
    [row] = await stored(lane)
    assert (row.record.entry_event_id, row.revision) == ("erp-1", 1)


def _sent(job: Event, at: int) -> Event:
    return event(types.JOB_SENT, JobSent(job_id=job.data.job_id), at, id_=f"{job.id}:sent")


def _failed(job: Event, at: int) -> Event:
    return event(types.JOB_FAILED, JobFailed(job_id=job.data.job_id), at, id_=f"{job.id}:failed")


async def _states(lane: NotifyLane) -> list[MemberState]:
    async with lane.database.transaction() as tx:
        rows = await tx.fetch("SELECT state FROM timelines WHERE member_id = $1", MEMBER)
    return [msgspec.msgpack.decode(row["state"], type=MemberState) for row in rows]
