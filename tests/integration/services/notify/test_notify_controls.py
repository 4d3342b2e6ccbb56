"""Journeys paused, resumed and stopped, from the API to the messages that wait at the door."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.notify.__main__ import SERVICE
from services.notify.api.journeys import journeys_router
from services.notify.handlers.messages import Messages
from shared.clock import MINUTE, SECOND, ManualClock, format_instant
from shared.db import Database
from shared.events import types
from shared.runtime.program import LEAST_MARGIN, ProgramHistory, Proposal, put
from shared.runtime.withdrawing import withdraw
from tests.conftest import NewDatabase
from tests.integration.services.notify.notify_lane import (
    NotifyLane,
    SundayNoon,
    days,
    hours,
    part,
    purchase,
)
from tests.integration.services.notify.post import (
    Post,
    Receiver,
    document_to,
    listening,
)
from tests.integration.services.notify.test_notify_decisions import standing, told
from tests.integration.shared.runtime.http.serving import NOW, serve, token

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(database: Database, lane: NotifyLane) -> AsyncIterator[httpx.AsyncClient]:
    reading = Messages(database, ProgramHistory(part(), lane.clock), 1)
    router = journeys_router(reading, lane.clock)
    async with serve(database, ManualClock(NOW), routers=[router]) as client:
        yield client


async def say(client: httpx.AsyncClient, action: str, **more: object) -> dict[str, object]:
    body = {"note": "the shop burnt down", **more}
    answer = await client.post(f"/v1/journeys/after_purchase:{action}", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


async def status(client: httpx.AsyncClient) -> dict[str, object]:
    items = (await client.get("/v1/journeys")).json()["items"]
    found: dict[str, object] = next(e["status"] for e in items if e["name"] == "after_purchase")
    return found


async def test_what_can_be_said_of_a_journey_and_by_whom(client: httpx.AsyncClient) -> None:
    assert await status(client) == {"state": "running", "since": None, "by": None, "note": None}
    assert (await say(client, "resume"))["already"]
    paused = await say(client, "pause")
    since = format_instant(SundayNoon + LEAST_MARGIN)
    expected = {"state": "paused", "since": since, "by": "li", "note": "the shop burnt down"}
    assert paused == {"journey": "after_purchase", "already": False, **expected}
    assert await status(client) == expected
    assert await say(client, "pause", note="again") == {**paused, "already": True}
    assert (await say(client, "stop", finish=False))["state"] == "stopped"
    assert (await say(client, "stop", finish=True))["state"] == "finishing"
    refused = await client.post("/v1/journeys/after_purchase:pause", json={})
    assert refused.status_code == 409
    assert (await say(client, "resume"))["state"] == "running"
    unknown = await client.post("/v1/journeys/nothing:pause", json={})
    assert unknown.status_code == 404
    assert (await client.post("/v1/journeys/after_purchase:stop", json={})).status_code == 422
    for role in ("analyst", "store", "system"):
        answer = await client.post(
            "/v1/journeys/after_purchase:pause", json={}, headers=token(role)
        )
        assert answer.status_code == 403


async def test_a_pause_holds_for_everybody_and_what_waited_goes_on_at_its_end(
    lane: NotifyLane, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    assert told(await lane.feed([purchase("1", SundayNoon)])) == []
    await say(client, "pause")
    await lane.turn(SundayNoon, anew=1)
    assert await lane.feed([], SundayNoon + hours(2)) == [], "three minutes are long over"
    assert await lane.feed([purchase("2", SundayNoon + hours(2))]) == []
    clock.set(SundayNoon + hours(3))
    await say(client, "resume")
    lane.handler.forget(0)
    async with lane.database.transaction() as tx:
        await lane.handler.next_due(tx, 0)  # a lane with nothing to do hears of it
    assert lane.handler.owes(0)
    _, out = await lane.turn(SundayNoon + hours(3), anew=1)
    assert out == []
    assert not lane.handler.owes(0)
    out = await lane.feed([], SundayNoon + hours(3) + LEAST_MARGIN)
    assert told(out) == [(types.JOB_REQUESTED, "3m", None)]
    assert out[0].at == SundayNoon + hours(3) + LEAST_MARGIN
    assert out[0].data.because.event_id == "purchase-1", "nobody entered meanwhile"


async def test_stopped_everybody_under_way_is_at_its_end(
    lane: NotifyLane, client: httpx.AsyncClient, new_database: NewDatabase, clock: ManualClock
) -> None:
    await lane.feed([purchase("1", SundayNoon)], SundayNoon + hours(1))
    clock.set(SundayNoon + hours(1))
    await say(client, "stop", finish=False)
    await lane.turn(SundayNoon + hours(1), anew=1)
    out = await lane.feed([], SundayNoon + hours(2))
    assert told(out) == [(types.JOB_SUPPRESSED, "1d", "stopped")]
    assert out[0].at == SundayNoon + hours(1) + LEAST_MARGIN
    assert await lane.feed([purchase("2", SundayNoon + hours(2))], SundayNoon + days(9)) == []

    # a service that reads the log from its beginning comes to the same
    other = Database(await new_database(SERVICE.migrations), application_name="test-notify")
    again = NotifyLane(other, clock)
    await again.prepare()
    async with lane.database.transaction() as tx:
        rows = await tx.fetch("SELECT * FROM journey_controls")
    async with other.transaction() as tx:
        await tx.copy("journey_controls", list(rows[0].keys()), [tuple(row) for row in rows])
    await again.feed([purchase("1", SundayNoon), purchase("2", SundayNoon + hours(2))])
    await again.feed([], SundayNoon + days(9))
    assert await again_standing(again) == await again_standing(lane)
    await other.close()


async def again_standing(lane: NotifyLane) -> list[tuple[str, str | None, int]]:
    found = await standing(lane)
    return sorted((each.step, each.reason, each.decided_at) for each in found.values())


@pytest.mark.parametrize("action", ["pause", "stop"])
async def test_a_message_that_waits_at_the_door_is_not_said(
    database: Database, action: str
) -> None:
    receiver = Receiver()
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        reading = Messages(database, ProgramHistory(part(), post.clock), 1)
        router = journeys_router(reading, post.clock)
        async with serve(database, ManualClock(NOW), routers=[router]) as client:
            await say(client, action, **({"finish": False} if action == "stop" else {}))
            post.clock.advance(LEAST_MARGIN)
            await post.lane.turn(post.clock.now(), anew=1)
            await post.loop().turn()
            assert receiver.heard == []
            if action == "stop":
                [receipt] = await post.receipts()
                assert (receipt.type, receipt.data.error) == (types.JOB_FAILED, "stopped")
                return
            await say(client, "resume")
            post.clock.advance(MINUTE)
            await post.lane.turn(post.clock.now(), anew=1)
            await post.loop().turn()
    assert len(receiver.heard) == 1


async def test_a_message_of_a_version_that_is_withdrawn_waits_for_its_lane(
    database: Database,
) -> None:
    receiver = Receiver()
    async with listening(receiver) as url:
        document = document_to(url)
        post = Post(database, document)
        await post.lane.prepare()
        async with database.transaction() as tx:
            proposal = Proposal(document, "hq", effective_from=post.clock.now() - hours(1))
            await put(tx, post.lane.history.part, proposal, post.clock.now() - hours(2))
        await post.request()
        async with database.transaction() as tx:
            await withdraw(tx, 2, by="hq", note="", now=post.clock.now(), members=None)
            await post.lane.history.refresh(tx)
        await post.loop().turn()
        assert receiver.heard == []
        _, out = await post.lane.turn(post.clock.now(), anew=1)
        await post.lane.queue(out)
        post.clock.advance(5 * SECOND)
        await post.loop().turn()
    assert len(receiver.heard) == 1
    assert [row["program_version"] for row in await post.rows()] == [1]
