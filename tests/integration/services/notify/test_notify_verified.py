"""One value of a message is changed behind notify's back: `verify` names it.

That everything is clean as the service leaves it is asked after every test with a lane
(`conftest.py`), whatever the order of arrival was.
"""

import pytest

from services.notify.__main__ import SERVICE
from shared.clock import MINUTE, ManualClock
from shared.db import Database
from shared.events import types
from shared.events.decisions import JobDelivered, JobSent
from tests.conftest import NewDatabase
from tests.integration.services.notify.notify_lane import (
    NotifyLane,
    SundayNoon,
    consent,
    event,
    hours,
    joined,
    purchase,
    refund,
    tier,
)
from tests.integration.services.verifying import unnoticed, verified

pytestmark = pytest.mark.integration


@pytest.fixture
async def desk_url(new_database: NewDatabase) -> str:
    """Messages asked for, delivered, kept back, withdrawn and found too late."""
    url = await new_database(SERVICE.migrations)
    database = Database(url, application_name="test")
    clock = ManualClock(SundayNoon + hours(1))
    lane = NotifyLane(database, clock)
    await lane.prepare()
    out = await lane.feed(
        [joined(SundayNoon - 1), purchase("1", SundayNoon), tier("gold", SundayNoon, id_="t1")],
        stream=False,
    )
    said = next(each for each in out if each.type == types.JOB_REQUESTED)
    for name, type_, data in (
        ("sent", types.JOB_SENT, JobSent(job_id=said.data.job_id, provider_id="p")),
        ("delivered", types.JOB_DELIVERED, JobDelivered(job_id=said.data.job_id)),
    ):
        await lane.feed([event(type_, data, SundayNoon + hours(1), id_=name)], stream=False)
    clock.set(SundayNoon + hours(30))
    await lane.feed([], stream=False)
    unsaid = tier("silver", SundayNoon, id_="t2", supersedes="t1")
    await lane.feed([unsaid, consent(SundayNoon + hours(30), granted=False)], stream=False)
    await lane.feed([purchase("2", SundayNoon + 20 * MINUTE)], stream=False)
    await lane.feed([purchase("3", SundayNoon + hours(29))], stream=False)
    await lane.feed([refund("3", SundayNoon + hours(30))], stream=False)
    await database.close()
    return url


async def test_all_is_clean_as_it_is_left(desk_url: str) -> None:
    findings = await verified("notify", desk_url)
    assert findings.listed == []
    assert {table for table, rows in findings.checked.items() if rows} == {
        *("members", "facts", "timelines", "jobs"),
    }


_OPEN = "WHERE decision = 'requested' AND delivery IS NULL"
_SAID = "WHERE delivery IS NOT NULL"

CHANGES = {
    "timelines": {
        "due_at = due_at + 1": "timelines.due_at",
        "as_at = as_at + 1": "timelines.as_at",
        r"state = '\xc1'": "timelines.state",
        "DELETE": "timelines.row",
    },
    "facts": {
        r"body = '\xc1'": "facts.body",
        r"about = '\x00' WHERE about IS NOT NULL": "facts.about",
        "supersedes = NULL WHERE supersedes IS NOT NULL": "facts.supersedes",
        "DELETE WHERE about IS NOT NULL": "timelines.state.orders",
    },
    "jobs": {
        f"journey = 'none' {_OPEN}": "jobs.journey",
        f"step = 'none' {_OPEN}": "jobs.step",
        f"entry_event_id = 'none' {_OPEN}": "jobs.entry_event_id",
        f"channel = 'sms' {_OPEN}": "jobs.channel",
        f"template = 'none' {_OPEN}": "jobs.template",
        f"category = 'sales' {_OPEN}": "jobs.category",
        f"purpose = 'none' {_OPEN}": "jobs.purpose",
        f"due_at = due_at + 1 {_OPEN}": "jobs.due_at",
        f"decided_at = decided_at + 1 {_OPEN}": "jobs.decided_at",
        f"deadline = deadline + 1 {_OPEN}": "jobs.deadline",
        f"because = '{{}}' {_OPEN}": "jobs.because",
        f"content = '{{}}' {_OPEN}": "jobs.content",
        f"store_id = 'none' {_OPEN}": "jobs.store_id",
        f"program_version = 7 {_OPEN}": "jobs.program_version",
        # it might have been found after its deadline, had it been found anew
        f"decision = 'suppressed' {_OPEN}": "jobs.reason",
        f"superseded_by = 'none' {_OPEN}": "jobs.superseded_by",
        f"delivery = 'sent' {_OPEN}": "jobs.delivery",
        "reason = 'none' WHERE decision = 'suppressed'": "jobs.reason",
        "decision = 'requested' WHERE decision = 'withdrawn'": "jobs.row",
        "superseded_by = NULL WHERE decision = 'withdrawn'": "jobs.superseded_by",
        "revision = 0 WHERE decision = 'withdrawn'": "jobs.revision",
        f"journey = 'none' {_SAID}": "jobs.journey",
        f"delivery = 'opened' {_SAID}": "jobs.delivery",
        f"delivery = NULL {_SAID}": "jobs.delivery",
        f"delivery_rank = 1 {_SAID}": "jobs.delivery_rank",
        f"delivery_at = 1 {_SAID}": "jobs.delivery_at",
        f"provider_id = 'none' {_SAID}": "jobs.provider_id",
        f"error = 'none' {_SAID}": "jobs.error",
        f"job_id = gen_random_uuid() {_OPEN}": "jobs.row",
        "DELETE WHERE decision = 'suppressed'": "jobs.row",
    },
}


@pytest.mark.parametrize("table", CHANGES)
async def test_a_changed_value_is_named(desk_url: str, table: str) -> None:
    assert await unnoticed("notify", desk_url, table, CHANGES[table]) == []
